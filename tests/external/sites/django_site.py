"""A site of Django for gunicorn: pages, the admin with one user, and a recipe's settings in recipe.py."""

import django
from django.conf import settings

import recipe

APPS = ["admin", "auth", "contenttypes", "messages", "sessions", "staticfiles"]

settings.configure(
    ALLOWED_HOSTS=["site.example"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[f"django.contrib.{app}" for app in APPS],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    # The tables are made from the models, which is faster than migrations.
    MIGRATION_MODULES={app: None for app in APPS},
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
    STATIC_URL="/static/",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    **{name: value for name, value in vars(recipe).items() if name.isupper()},
)
django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, HttpResponseRedirect  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402


@csrf_exempt
def page(request):
    return HttpResponse(f"{request.build_absolute_uri()} for {request.META['HTTP_X_FORWARDED_FOR']}")


def leave(request):
    return HttpResponseRedirect(request.build_absolute_uri("/arrive"))


urlpatterns = [
    path("admin/", admin.site.urls),
    path("leave", leave),
    path("", page),
    path("page", page),
    path("robots.txt", page),
]

call_command("migrate", run_syncdb=True, verbosity=0)
User.objects.create_superuser("operator", password="secret")
application = StaticFilesHandler(get_wsgi_application())
