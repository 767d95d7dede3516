import contextlib
import os
import socket
import stat

import pytest

from asgate.config.binds import Descriptor, Tcp, Unix
from asgate.errors import Exit, Failure
from asgate.server.sockets import open_sockets


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@contextlib.contextmanager
def opened(*binds, **options):
    listeners = open_sockets(binds, **options)
    try:
        for listener in listeners:
            listener.listen(16)
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


def reaches(address, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_STREAM) as client:
        return client.connect_ex(address) == 0


def refusal(*binds):
    with pytest.raises(Failure) as caught, opened(*binds):
        pass
    assert caught.value.exit_code is Exit.ADDRESS
    return str(caught.value)


def test_a_free_port_becomes_readable():
    with opened(Tcp("127.0.0.1", 0)) as [listener]:
        host, port = listener.address
        assert host == "127.0.0.1"
        assert port > 0
        assert listener.url == f"http://127.0.0.1:{port}"
        assert reaches((host, port))
    assert not reaches((host, port))


def test_nobody_can_connect_before_it_listens():
    listeners = open_sockets([Tcp("127.0.0.1", 0)])
    assert not reaches(listeners[0].address)
    listeners[0].close()


def test_a_port_in_use_is_refused():
    with opened(Tcp("127.0.0.1", 0)) as [listener]:
        bind = Tcp(*listener.address)
        words = refusal(bind)
    assert words.startswith(f"cannot listen on {bind}: the address is in use")


def test_a_port_that_somebody_else_began_to_listen_on():
    one = open_sockets([Tcp("127.0.0.1", 0)])[0]
    two = open_sockets([Tcp(*one.address)])[0]
    one.listen(1)
    with pytest.raises(Failure, match="the address is in use"):
        two.listen(1)
    one.close()
    two.close()


def test_a_port_can_be_taken_again_at_once():
    with opened(Tcp("127.0.0.1", 0)) as [listener]:
        address = listener.address
        client = socket.create_connection(address)
        server, _ = listener.socket.accept()
        server.close()  # this side closes first and stays in TIME_WAIT
        client.close()
    with opened(Tcp(*address)):
        assert reaches(address)


@needs_ipv6
@pytest.mark.parametrize("host", ["", "::"])
def test_everywhere_is_both_families(host):
    with opened(Tcp(host, 0)) as [listener]:
        port = listener.address[1]
        assert reaches(("127.0.0.1", port))
        assert reaches(("::1", port), socket.AF_INET6)
        assert listener.url == f"http://[::]:{port}"


@needs_ipv6
def test_both_families_can_be_asked_for_separately():
    with opened(Tcp("127.0.0.1", 0)) as [free]:
        port = free.address[1]
    with opened(Tcp("0.0.0.0", port), Tcp("::", port)) as listeners:
        assert [listener.address for listener in listeners] == [("0.0.0.0", port), ("::", port)]


@needs_ipv6
def test_ipv6_alone():
    with opened(Tcp("::1", 0)) as [listener]:
        assert listener.url == f"http://[::1]:{listener.address[1]}"
        assert reaches(listener.address, socket.AF_INET6)


def test_a_name_may_give_several_sockets_with_one_port():
    with opened(Tcp("localhost", 0)) as listeners:
        assert len({listener.address[1] for listener in listeners}) == 1


@pytest.mark.parametrize(
    ("bind", "words"),
    [
        (Tcp("203.0.113.1", 0), "the address does not belong to this machine"),
        (
            Tcp("no.such.host.invalid", 80),
            "the host no.such.host.invalid of no.such.host.invalid:80 is not known",
        ),
        (Tcp("a" * 70 + ".invalid", 80), "is not known"),
        (Unix("missing/dir/a.sock"), "the directory does not exist"),
        (Unix("x" * 200), "too long"),
        (Descriptor(9999), "descriptor 9999 is not open"),
    ],
)
def test_refusals(bind, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words in refusal(bind)


@contextlib.contextmanager
def unprivileged():
    """As root nothing is forbidden: somebody else for a moment."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_what_needs_a_permission(tmp_path):
    tmp_path.chmod(0o500)
    with unprivileged():
        assert "permission denied" in refusal(Unix(str(tmp_path / "a.sock")))


def test_one_refusal_leaves_nothing_open(tmp_path):
    path = tmp_path / "a.sock"
    refusal(Unix(str(path)), Descriptor(9999))
    assert not path.exists()


def test_a_unix_socket_has_its_mode_and_goes_at_the_end(tmp_path):
    path = tmp_path / "a.sock"
    with opened(Unix(str(path)), mode=0o600) as [listener]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert listener.address == str(path)
        assert listener.url == f"unix:{path}"
        assert reaches(str(path), socket.AF_UNIX)
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced(tmp_path):
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with opened(Unix(str(path))):
        assert reaches(str(path), socket.AF_UNIX)


def test_a_unix_socket_in_use_is_left_alone(tmp_path):
    path = tmp_path / "a.sock"
    with opened(Unix(str(path))):
        assert "the address is in use" in refusal(Unix(str(path)))
        assert reaches(str(path), socket.AF_UNIX)


def test_a_busy_unix_socket_with_a_full_backlog_is_left_alone(tmp_path):
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as server, contextlib.ExitStack() as clients:
        server.bind(str(path))
        server.listen(0)
        for _ in range(4):
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            client.connect_ex(str(path))
        assert "the address is in use" in refusal(Unix(str(path)))
    assert path.exists()


def test_another_file_is_left_alone(tmp_path):
    path = tmp_path / "a.sock"
    path.write_text("precious")
    assert "a file that is no socket stands there" in refusal(Unix(str(path)))
    assert path.read_text() == "precious"


def test_the_socket_of_a_successor_is_not_removed(tmp_path):
    path = tmp_path / "a.sock"
    with opened(Unix(str(path))):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as successor:
            successor.bind(str(path))
    assert path.exists()


@pytest.mark.skipif(not hasattr(socket, "SO_PASSCRED"), reason="Linux only")
def test_the_abstract_namespace():
    with opened(Unix(f"@asgate-test-{os.getpid()}")) as [listener]:
        assert listener.url == f"unix:@asgate-test-{os.getpid()}"


@pytest.mark.parametrize("listening", [True, False])
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_an_inherited_socket_of_any_family(tmp_path, family, listening):
    with socket.socket(family, socket.SOCK_STREAM) as given:
        given.bind(("127.0.0.1", 0) if family == socket.AF_INET else str(tmp_path / "a.sock"))
        if listening:
            given.listen(1)
        with opened(Descriptor(given.fileno())) as [listener]:
            assert listener.socket.family == family
            assert reaches(given.getsockname(), family)
        assert given.fileno() > 0, "the caller keeps its own"
        assert family == socket.AF_INET or (tmp_path / "a.sock").exists(), "who made the file removes it"


def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def test_an_inherited_socket_can_be_taken_over():
    given = socket.create_server(("127.0.0.1", 0))
    address, number = given.getsockname(), given.detach()
    [listener] = open_sockets([Descriptor(number)], take_over=True)
    assert not is_open(number)
    assert not listener.socket.get_inheritable()
    assert reaches(address)
    listener.close()
    assert not reaches(address), "nobody holds it open any more"


def test_one_inherited_twice_is_taken_over_once():
    with socket.create_server(("127.0.0.1", 0)) as given:
        bind = Descriptor(os.dup(given.fileno()))
        listeners = open_sockets([bind, bind], take_over=True)
        assert not is_open(bind.number)
        assert [listener.address for listener in listeners] == [given.getsockname()] * 2
        for listener in listeners:
            listener.close()


def test_descriptors_that_are_no_stream_socket(tmp_path):
    with (tmp_path / "file").open("w") as file, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        assert "is not a socket" in refusal(Descriptor(file.fileno()))
        assert "not a stream socket" in refusal(Descriptor(datagram.fileno()))
