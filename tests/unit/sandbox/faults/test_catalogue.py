"""The catalogue of rules is complete and valid."""

from harness.sandbox_client import SandboxClient
from tiktok_sandbox.faults.actions import Action, Endpoint
from tiktok_sandbox.faults.rules import Rule


async def test_catalogue_describes_every_endpoint_action_and_field(client: SandboxClient) -> None:
    known = (await client.http.get("/_sandbox/rules/catalogue")).json()
    endpoints = {each["name"] for each in known["endpoints"]}
    fields = {each["name"] for each in known["fields"]}

    assert endpoints == set(Endpoint) - {Endpoint.UNKNOWN}
    assert {each["name"] for each in known["actions"]} == set(Action)
    assert fields == set(Rule.__struct_fields__)
    assert all(set(each["fields"]) <= fields and set(each["endpoints"]) <= endpoints for each in known["actions"])
    assert all(each["description"] for each in (*known["endpoints"], *known["actions"], *known["fields"]))


async def test_every_example_of_the_catalogue_is_a_valid_rule(client: SandboxClient) -> None:
    for example in (await client.http.get("/_sandbox/rules/catalogue")).json()["examples"]:
        await client.add_rule(**example["rule"])
