"""Signing in and out, and what a person sets up for themselves."""

from django.urls import path

from access import account, views

urlpatterns = [
    path("login/", views.sign_in, name="login"),
    path("logout/", views.sign_out, name="logout"),
    path("password/", views.change_password, name="password_change"),
    path("mail/", account.mail, name="mail"),
    path("time-zone/", account.time_zone, name="time_zone"),
    path("tokens/", account.tokens, name="tokens"),
    path("tokens/<uuid:public_id>/revoke/", account.revoke, name="revoke_token"),
    path("second-factor/", account.second_factor_page, name="second_factor"),
]
