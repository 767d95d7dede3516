"""The shapes of the tables."""

from asgate.spec.tables import Machine, Step, When


def test_a_machine_as_a_dictionary():
    machine = Machine(
        "x", "a", (Step("a", "m", "b", When.MORE), Step("a", "m", "c", When.LAST), Step("b", "m", "c"))
    )
    assert machine.table == {("a", "m"): {When.MORE: "b", When.LAST: "c"}, ("b", "m"): {When.ALWAYS: "c"}}
    assert machine.table is machine.table
