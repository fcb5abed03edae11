"""The `winroom` command. One module per group of subcommands."""

import click

from infra.operator import key, local, migrate, smoke, tenant, verify


@click.group()
@click.version_option(package_name="winroom")
def main() -> None:
    """Win Room: run it here, look after it there."""


main.add_command(local.group)
main.add_command(migrate.migrate)
main.add_command(tenant.group)
main.add_command(key.group)
main.add_command(verify.verify)
main.add_command(smoke.smoke)
