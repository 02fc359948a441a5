"""Pages that write a plan."""

from django.urls import path

from drafts import views

urlpatterns = [
    path("new", views.new_plan, name="new_plan"),
    path("<uuid:plan_id>/edit", views.edit_plan, name="edit_plan"),
    path("<uuid:plan_id>/moves/new", views.new_move, name="new_move"),
    path("<uuid:plan_id>/boundary-object", views.boundary_object_page, name="boundary_object"),
    path("<uuid:plan_id>/delete", views.delete_plan, name="delete_plan"),
    path("<uuid:plan_id>/archive", views.archive_plan, name="archive_plan"),
]
