"""The one sign-in, signing out, and changing a password. Stock views; the pages are ours."""

from django.contrib import messages
from django.contrib.auth import views as auth
from django.shortcuts import render, resolve_url
from django.urls import reverse, reverse_lazy

from access.forms import NewPasswordForm, SignInForm
from access.pages import page, works_at_desk

# Pages that make no sense as a next page: they would lead straight back.
NOT_NEXT = ("login", "logout")
DESK = "/admin/reviews/deploymentreviewrequest/"


class SignIn(auth.LoginView):
    form_class = SignInForm
    redirect_authenticated_user = True

    def get_redirect_url(self) -> str:
        """Where `next` leads, when it is a page of this origin; else empty."""
        url = super().get_redirect_url()
        return "" if url.split("?")[0].split("#")[0] in [reverse(name) for name in NOT_NEXT] else url

    def get_default_redirect_url(self) -> str:
        return DESK if works_at_desk(self.request) else resolve_url("plans")

    def render_to_response(self, context, **options):
        # Nobody is signed in here, so nothing is said about an account.
        shown = {"form": context["form"], "next": self.get_redirect_url()}
        return render(self.request, "access/sign_in.html", shown, status=context["form"].status)


class ChangePassword(auth.PasswordChangeView):
    form_class = NewPasswordForm
    success_url = reverse_lazy("password_change")

    def form_valid(self, form):
        messages.success(self.request, "Your password has been changed. You stay signed in here; other sessions of yours have ended.")
        return super().form_valid(form)

    def render_to_response(self, context, **options):
        form = context["form"]
        return page(self.request, "access/password.html", {"form": form}, status=form.status, section="account")


sign_in = SignIn.as_view()
sign_out = auth.LogoutView.as_view()
change_password = ChangePassword.as_view()
