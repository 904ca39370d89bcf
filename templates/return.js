(() => {
  const { status, method, answers, back } = document.currentScript.dataset;
  const safe = answers === 'safe', second = 1e3, minute = 60e3;
  const lang = document.documentElement.lang || navigator.language;
  const page = location.href.split('#')[0], arrived = Date.now();
  const between = (least, most) => least + Math.random() * (most - least);
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
  let skew = 0, until, said, isBack, gone, busy, timer;

  // The reader's region decides what the language leaves open, as the 24 hours of British English.
  const locale = navigator.languages.find(tag => tag.split('-')[0] === lang) ?? lang;
  // The long name of UTC is "GMT+00:00".
  const isUtc = Intl.DateTimeFormat().resolvedOptions().timeZone?.endsWith('UTC');
  const localize = () => {
    const now = new Date(Date.now() + skew);
    for (const time of document.querySelectorAll('time[data-local]')) {
      const date = new Date(time.dateTime);
      // Where the browser does not know the language or the zone, the text in UTC stays.
      try {
        if (!isNaN(date)) time.textContent = date.toLocaleString(locale, {
          ...date.toDateString() !== now.toDateString() && { weekday: 'long', day: 'numeric', month: 'long' },
          ...date.getFullYear() !== now.getFullYear() && { year: 'numeric' },
          hour: 'numeric', minute: '2-digit', timeZoneName: isUtc ? 'short' : 'longGeneric'
        });
      } catch {}
    }
  };
  localize();
  document.addEventListener('DOMContentLoaded', localize);
  if (!status) return;

  // A page that came back to a down page waits before it leaves again, or the two would alternate at full speed.
  let wait = 5 * second;
  try {
    const last = JSON.parse(sessionStorage.downtime ?? '{}');
    if (last.page !== page || arrived - last.at > 10 * minute) wait = 0;
    else if (last.wait) wait = Math.min(2 * last.wait, minute);
  } catch {}
  const leave = () => {
    if (gone) return;
    gone = true;
    try { sessionStorage.downtime = JSON.stringify({ page, wait, at: Date.now() }) } catch {}
    // To replace a URL that has a fragment would only scroll.
    if (location.hash) location.reload();
    else location.replace(page);
  };

  const announce = () => {
    if (safe && Date.now() < arrived + wait) return;
    isBack = true;
    if (back) document.title = back;
    tell('downtime-back');
    if (safe && !document.hidden) leave();
  };
  // A period that covers a method also covers a query that asks for it.
  const override = new URLSearchParams(location.search).get('_method');
  const path = location.pathname + (override === null ? '' : '?_method=' + encodeURIComponent(override));
  const ask = async () => {
    const asked = Date.now();
    const answer = await fetch(`${status}?path=${encodeURIComponent(path)}&method=${method}`, {
      headers: { 'Accept-Language': lang },
      cache: 'no-store', credentials: 'omit', redirect: 'error', signal: AbortSignal.timeout(20 * second)
    });
    const news = await answer.json();
    if (!answer.ok || !['up', 'down'].includes(news.state)) return;
    // The answer's time has whole seconds, so a small difference says nothing.
    const difference = Date.parse(answer.headers.get('Date')) + second / 2 - (asked + Date.now()) / 2;
    skew = Math.abs(difference) > 2 * second ? difference : 0;
    until = Date.parse(news.until);
    const text = JSON.stringify({ ...news, retry_after: 0 });
    if (said !== text) tell('downtime-status', { ...news, skew, language: answer.headers.get('Content-Language') });
    said = text;
    localize();
    if (news.state === 'up' && news.reachable !== false) announce();
  };

  const pause = () => {
    if (document.hidden) return between(4, 5) * minute;
    const end = until - skew - Date.now() + between(1, 10) * second;
    return Math.min(between(20, 60) * second, ...[end, arrived + wait - Date.now()].filter(time => time > 0));
  };
  const plan = time => {
    clearTimeout(timer);
    if (!isBack) timer = setTimeout(check, time);
  };
  const check = async () => {
    if (busy) return;
    busy = true;
    // No answer, or one that is not the gateway's, does not say that the site is back.
    await ask().catch(() => {});
    busy = false;
    plan(pause());
  };
  const wake = () => {
    if (document.hidden) return plan(pause());
    localize();
    if (!isBack) check();
    else if (safe) leave();
  };
  plan(between(1, 4) * second);
  document.addEventListener('visibilitychange', wake);
  addEventListener('online', wake);
  addEventListener('pageshow', event => {
    if (!event.persisted) return;
    gone = false;
    wake();
  });
})();
