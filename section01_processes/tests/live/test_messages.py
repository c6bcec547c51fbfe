import os

import pytest

from section01_processes import (
    LcmError,
    UsageError,
    accept_unix,
    connect_unix,
    listen_unix,
    peer_credentials,
    recv_message,
    send_message,
    socket_pair,
    spawn,
)

pytestmark = pytest.mark.lane("host", "guest")


@pytest.fixture
def pair():
    left, right = socket_pair()
    yield left, right
    os.close(left)
    os.close(right)


def test_messages_keep_their_borders_and_the_end_is_empty():
    left, right = socket_pair()
    send_message(left, b"one")
    send_message(left, b"two")
    os.close(left)
    assert recv_message(right) == (b"one", [])
    assert recv_message(right) == (b"two", [])
    assert recv_message(right) == (b"", [])
    os.close(right)


def test_a_descriptor_crosses_to_another_process(pair, tmp_path):
    left, right = pair
    (tmp_path / "f").write_text("content")

    def child():
        fd = os.open(tmp_path / "f", os.O_RDONLY)
        send_message(right, b"here", [fd, fd])

    with spawn(child) as process:
        data, fds = recv_message(left)
        assert process.wait() == 0
    assert (data, len(fds)) == (b"here", 2)
    assert os.read(fds[0], 99) == b"content"
    assert not any(os.get_inheritable(fd) for fd in fds)
    for fd in fds:
        os.close(fd)


def test_what_does_not_fit_is_an_error_and_leaks_nothing(pair):
    left, right = pair
    before = sorted(os.listdir("/proc/self/fd"))
    send_message(left, b"x" * 100, [0])
    with pytest.raises(LcmError, match="was cut"):
        recv_message(right, size=10)
    send_message(left, b"x", [0, 1, 2])
    with pytest.raises(LcmError, match="was cut"):
        recv_message(right, maxfds=1)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_sending_to_nobody_is_epipe_and_not_a_signal(pair):
    left, right = socket_pair()
    os.close(right)
    with pytest.raises(BrokenPipeError):
        send_message(left, b"x")
    os.close(left)


@pytest.mark.parametrize("depth", [0, 12])
def test_sockets_by_path_however_long(tmp_path, depth):
    folder = tmp_path
    for _ in range(depth):
        folder /= "a-rather-long-folder-name"
    folder.mkdir(parents=True, exist_ok=True)
    path = str(folder / "sock")
    assert (len(path) > 108) == bool(depth)
    server = listen_unix(path)
    assert os.stat(path).st_mode & 0o777 == 0o700

    def client():
        fd = connect_unix(path)
        send_message(fd, b"hello")
        return 0 if recv_message(fd)[0] == b"welcome" else 1

    with spawn(client) as process:
        fd = accept_unix(server)
        assert not os.get_inheritable(fd)
        assert recv_message(fd)[0] == b"hello"
        assert peer_credentials(fd) == (process.pid, os.getuid(), os.getgid())
        send_message(fd, b"welcome")
        assert process.wait() == 0
    os.close(fd)
    with pytest.raises(OSError, match="in use"):
        listen_unix(path)
    os.close(server)
    with pytest.raises(ConnectionRefusedError):
        connect_unix(path)


def test_a_name_too_long_is_said(tmp_path):
    with pytest.raises(UsageError, match="too long"):
        listen_unix(str(tmp_path / ("n" * 120)))


@pytest.mark.needs("root")
def test_credentials_are_those_at_connect_not_what_the_client_says(tmp_path):
    tmp_path.chmod(0o755)
    path = str(tmp_path / "s")
    server = listen_unix(path, mode=0o777)
    fd = os.open(tmp_path, os.O_PATH)

    def client():
        os.fchdir(fd)
        os.setgid(12345)
        os.setuid(12346)
        connect_unix("s")

    with spawn(client) as process:
        accepted = accept_unix(server)
        assert process.wait() == 0
        assert peer_credentials(accepted) == (process.pid, 12346, 12345)
    for each in (accepted, server, fd):
        os.close(each)
