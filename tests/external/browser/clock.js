// A clock that only moves when a test advances it. Pauses of the page then take no time; requests take what they take.
(() => {
  const RealDate = Date, realFetch = fetch, realJson = Response.prototype.json;
  const timers = new Map(), pending = new Set();
  let ids = 0, now;
  // The next page of the tab continues from there.
  const set = time => {
    now = time;
    try { sessionStorage.clock = time } catch {}
  };
  try { now = Number(sessionStorage.clock) } catch {}
  set(now || START || RealDate.now());

  const add = (run, pause = 0, every) => {
    timers.set(++ids, { run, every, at: now + pause });
    return ids;
  };
  window.setTimeout = (run, pause) => add(run, pause);
  window.setInterval = (run, pause) => add(run, pause, pause);
  window.clearTimeout = window.clearInterval = id => { timers.delete(id) };
  window.Date = class extends RealDate {
    constructor(...values) { values.length ? super(...values) : super(now) }
    static now() { return now }
  };
  AbortSignal.timeout = () => new AbortController().signal;

  const watch = promise => {
    pending.add(promise);
    promise.catch(() => {}).then(() => pending.delete(promise));
    return promise;
  };
  window.fetch = (...values) => watch(realFetch(...values));
  Response.prototype.json = function () { return watch(realJson.call(this)) };
  const settled = async () => {
    do {
      await Promise.allSettled(pending);
      // A hidden tab delays its timers, not its messages.
      await new Promise(resolve => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = resolve;
        port2.postMessage(0);
      });
    } while (pending.size);
  };

  window.advance = async time => {
    const end = now + time;
    for (;;) {
      await settled();
      const [id, timer] = [...timers].reduce((first, next) => next[1].at < first[1].at ? next : first, [0, { at: Infinity }]);
      if (timer.at > end) break;
      if (timer.every) timer.at += timer.every;
      else timers.delete(id);
      set(timer.every ? timer.at - timer.every : timer.at);
      timer.run();
    }
    set(end);
  };
})();
