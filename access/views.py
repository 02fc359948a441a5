"""The one sign-in, signing out, and changing a password. Stock views; the pages are ours."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _

from access import limits, second_factor, sessions
from access.actors import Actor, actor_of
from access.forms import WRONG_CODE, CodeForm, NewPasswordForm, SignInForm
from access.models import User
from access.pages import page, page_actor, works_at_desk
from config import logs
from config.refusals import Reason

# Pages that make no sense as a next page: they would lead straight back.
NOT_NEXT = ("login", "logout")
# Stock form views take PUT for POST.
PAGE_METHODS = ["get", "post", "head", "options"]
DESK = "/admin/reviews/deploymentreviewrequest/"
SIGN_IN, NOBODY = "sign_in", Actor(user_id=0, username="")
BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(auth.LoginView):
    """Name and password; then a code, from who has set up a second factor. Until then nobody is signed in."""

    form_class = SignInForm
    http_method_names = PAGE_METHODS

    def dispatch(self, request, *args, **kwargs):
        """The stock view leads who is signed in on, whatever the method. Who signs in again, for a fresh session, is let in."""
        self.redirect_authenticated_user = request.method != "POST" and "again" not in request.GET
        if request.method.lower() not in self.http_method_names:
            return self.http_method_not_allowed(request)
        return super().dispatch(request, *args, **kwargs)

    def get_redirect_url(self) -> str:
        """Where `next` leads, when it is a page of this origin; else empty."""
        url = super().get_redirect_url()
        return "" if url.split("?")[0].split("#")[0] in [reverse(name) for name in NOT_NEXT] else url

    def get_default_redirect_url(self) -> str:
        return DESK if works_at_desk(self.request) else resolve_url("plans")

    def post(self, request, *args, **kwargs) -> HttpResponse:
        if "code" in request.POST:
            return self._take_code()
        # Counted before the password is looked at: of many tries at once none is free.
        if (seconds := limits.try_to_sign_in(request.POST.get("username", "")[:200], request)) is not None:
            logs.verb(NOBODY, SIGN_IN, "refused", reasons=["locked"])
            return self._locked(seconds)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form) -> HttpResponse:
        user = form.get_user()
        limits.signed_in(form.cleaned_data["username"], self.request)
        if second_factor.device_of(user) is None:
            response = super().form_valid(form)
            sessions.mark_signed_in(self.request.session)
            logs.verb(page_actor(self.request), SIGN_IN, "done")
            return response
        second_factor.wait_for_code(self.request.session, user)
        return self._ask_for_code(CodeForm())

    def form_invalid(self, form) -> HttpResponse:
        """Whose name it was stays out of the log: it may be a password, typed into the wrong field."""
        logs.verb(NOBODY, SIGN_IN, "refused", reasons=["wrong"])
        return super().form_invalid(form)

    def _take_code(self) -> HttpResponse:
        waiting = second_factor.who_waits(self.request.session)
        user = User.objects.filter(pk=waiting["user"], is_active=True).first() if waiting else None
        # A password that was changed meanwhile has to be given anew.
        if user is None or user.get_session_auth_hash() != waiting["hash"]:
            return self._start_again()
        form = CodeForm(self.request.POST)
        if form.is_valid() and second_factor.is_right(user, form.cleaned_data["code"]):
            login(self.request, user, backend=BACKEND)
            second_factor.mark_verified(self.request.session, user)
            sessions.mark_signed_in(self.request.session)
            del self.request.session[second_factor.WAITING]
            logs.verb(page_actor(self.request), SIGN_IN, "done")
            return HttpResponseRedirect(self.get_success_url())
        if form.is_valid():
            form.add_error("code", WRONG_CODE)
            logs.verb(actor_of(user, channel="page"), SIGN_IN, "refused", reasons=["wrong_code"])
        return self._ask_for_code(form)

    def _start_again(self) -> HttpResponse:
        form = SignInForm(self.request)
        form.reasons = [Reason("code_too_late", "The code came too late. Give your username and password again.")]
        form.refused_with = 400
        return self.render_to_response(self.get_context_data(form=form))

    def _locked(self, seconds: float) -> HttpResponse:
        wait = limits.whole_seconds(seconds)
        form = SignInForm(self.request)
        form.reasons = [Reason("locked", f"Too many tries to sign in. Wait {_in_words(wait)}, then try again.", clear_by="time alone")]
        form.refused_with = 429
        response = self.render_to_response(self.get_context_data(form=form))
        response["Retry-After"] = str(wait)
        return response

    def _ask_for_code(self, form: CodeForm) -> HttpResponse:
        shown = {"form": form, "next": self.get_redirect_url()}
        return render(self.request, "access/code.html", shown, status=form.status)

    def render_to_response(self, context, **options):
        # Nobody is signed in here, so nothing is said about an account.
        shown = {"form": context["form"], "next": self.get_redirect_url()}
        return render(self.request, "access/sign_in.html", shown, status=context["form"].status)


def _in_words(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"


class ChangePassword(auth.PasswordChangeView):
    form_class = NewPasswordForm
    http_method_names = PAGE_METHODS
    success_url = reverse_lazy("password_change")

    def form_valid(self, form):
        messages.success(self.request, _("Your password has been changed. You stay signed in here; other sessions of yours have ended."))
        return super().form_valid(form)

    def render_to_response(self, context, **options):
        form = context["form"]
        return page(self.request, "access/password.html", {"form": form}, status=form.status, section="account")


sign_in = SignIn.as_view()
sign_out = auth.LogoutView.as_view()
change_password = ChangePassword.as_view()
