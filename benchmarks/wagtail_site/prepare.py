"""Tables, three people, and a workflow of two tasks, release and security, on the whole tree. Prints the id of the page to add under."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "wagtail_site.settings"

import django

django.setup()

from django.contrib.auth.models import Group, Permission, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from wagtail.models import GroupApprovalTask, GroupPagePermission, Page, Workflow, WorkflowPage, WorkflowTask  # noqa: E402

call_command("migrate", verbosity=0)
root = Page.get_first_root_node()
access = Permission.objects.get(content_type__app_label="wagtailadmin", codename="access_admin")
# As its groups Editors and Moderators have them.
RIGHTS = {"owner": ["add_page", "change_page"], "release": ["change_page", "publish_page"], "security": ["change_page", "publish_page"]}
workflow = Workflow.objects.create(name="Deployment review")
for order, name in enumerate(RIGHTS):
    group = Group.objects.create(name=name)
    group.permissions.add(access)
    user = User.objects.create_user(name, password=os.environ["WAGTAIL_PASSWORD"])
    user.groups.add(group)
    for right in Permission.objects.filter(content_type__app_label="wagtailcore", codename__in=RIGHTS[name]):
        GroupPagePermission.objects.create(group=group, page=root, permission=right)
    if name != "owner":
        task = GroupApprovalTask.objects.create(name=name)
        task.groups.add(group)
        WorkflowTask.objects.create(workflow=workflow, task=task, sort_order=order)
WorkflowPage.objects.filter(page=root).delete()
WorkflowPage.objects.create(page=root, workflow=workflow)
print(root.get_children().first().pk)
