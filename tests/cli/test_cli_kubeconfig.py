import stat

import pytest
import yaml

from miniplane.cli import arguments, client, kubeconfig
from miniplane.cli.failure import Failure

URL = "http://127.0.0.1:9999"
CLUSTER = {"server": URL, "insecure-skip-tls-verify": True}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_file_is_a_kubeconfig():
    config = yaml.safe_load(kubeconfig.render(URL))
    assert (config["apiVersion"], config["kind"]) == ("v1", "Config")
    assert config["current-context"] == config["contexts"][0]["name"]
    assert config["contexts"][0]["context"]["cluster"] == config["clusters"][0]["name"]
    assert config["contexts"][0]["context"]["user"] == config["users"][0]["name"]
    assert config["clusters"][0]["cluster"] == CLUSTER


def test_the_default_place_is_one_for_each_port(tmp_path):
    state = {"XDG_STATE_HOME": str(tmp_path)}
    place = kubeconfig.default_place(state, URL)
    assert place == tmp_path / "miniplane" / "kubeconfig-9999.yaml"
    home = {"HOME": str(tmp_path)}
    assert kubeconfig.default_place(home, URL).is_relative_to(tmp_path / ".local" / "state")


def test_a_file_is_for_its_owner_and_goes_without_a_trace(tmp_path):
    path = tmp_path / "a" / "b"
    kubeconfig.write_own(path, URL)
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    kubeconfig.write_own(path, URL)
    kubeconfig.remove_own(path, URL)
    assert not path.parent.exists()


def test_what_somebody_else_has_written_stays(tmp_path):
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\nkind: Config\n")
    with pytest.raises(Failure, match="is not miniplane's; to add to it, run miniplane kubeconfig"):
        kubeconfig.write_own(path, URL)
    assert path.read_text() == "apiVersion: v1\nkind: Config\n"
    other = tmp_path / "other"
    kubeconfig.write_own(other, URL)
    kubeconfig.write_own(other, "http://127.0.0.1:1")
    kubeconfig.remove_own(other, URL)
    assert other.exists()


def test_a_place_that_cannot_be_written_is_a_failure(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match=r"cannot write .*: "):
        kubeconfig.write_own(tmp_path / "file" / "config", URL)


# -- merging

THEIRS = {
    "apiVersion": "v1",
    "kind": "Config",
    "preferences": {"colors": True},
    "clusters": [{"name": "prod", "cluster": {"server": "https://prod"}}],
    "users": [{"name": "me", "user": {"token": "t"}}],
    "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "me"}}],
    "current-context": "prod",
}


def test_a_merge_keeps_what_is_there(tmp_path):
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(THEIRS))
    kubeconfig.merge(path, "http://127.0.0.1:1")
    kubeconfig.merge(path, URL)
    merged = yaml.safe_load(path.read_text())
    assert merged["current-context"] == "miniplane"
    assert merged["preferences"] == {"colors": True}
    assert merged["users"][0] == THEIRS["users"][0]
    assert merged["clusters"] == [
        *THEIRS["clusters"],
        {"name": "miniplane", "cluster": CLUSTER},
    ]
    assert [context["name"] for context in merged["contexts"]] == ["prod", "miniplane"]
    assert mode(path) == 0o600


def test_a_merge_into_nothing_makes_a_kubeconfig(tmp_path):
    path = tmp_path / ".kube" / "config"
    kubeconfig.merge(path, URL)
    assert yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["server"] == URL


def test_a_merge_follows_links(tmp_path):
    (tmp_path / "real").write_text("")
    (tmp_path / "config").symlink_to(tmp_path / "real")
    kubeconfig.merge(tmp_path / "config", URL)
    assert (tmp_path / "config").is_symlink()
    assert URL in (tmp_path / "real").read_text()


@pytest.mark.parametrize(
    "text", ["[", "- a", "kind: Pod", "clusters: {a: b}", "a: b\nkind: Secret\n"]
)
def test_what_is_no_kubeconfig_is_left_alone(tmp_path, text):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(Failure, match="is not"):
        kubeconfig.merge(path, URL)
    assert path.read_text() == text


# -- the command


def run(*argv, **env):
    args = arguments.parse(["kubeconfig", *argv], env)
    return args.run(args)


def test_it_is_printed(capsys):
    assert run("--server", URL) == 0
    assert capsys.readouterr().out == kubeconfig.render(URL)


def test_it_is_merged_where_kubectl_looks(tmp_path, capsys):
    one, two = tmp_path / "one", tmp_path / "two"
    assert run("--server", URL, "--merge", KUBECONFIG=f"{one}:{two}") == 0
    assert one.exists() and not two.exists()
    assert run("--server", URL, "--merge", "--into", str(two)) == 0
    assert two.exists()
    assert run("--server", URL, "--merge", HOME=str(tmp_path)) == 0
    assert (tmp_path / ".kube" / "config").exists()


def test_a_target_needs_a_merge():
    with pytest.raises(Failure, match="--into needs --merge"):
        run("--server", URL, "--into", "x")


# -- finding the server


def find(*argv, **env):
    return client.find_server(arguments.parse(["node", "remove", "a", *argv], env))


def test_the_server_is_named_or_found(tmp_path, monkeypatch):
    env = {"XDG_STATE_HOME": str(tmp_path)}
    assert find("--server", "http://localhost:1/", **env) == "http://localhost:1"
    assert find(MINIPLANE_SERVER="http://localhost:2", **env) == "http://localhost:2"
    assert find(**env) == client.DEFAULT
    kubeconfig.write_own(tmp_path / "mine", "http://127.0.0.1:3")
    assert find(KUBECONFIG=str(tmp_path / "mine"), **env) == "http://127.0.0.1:3"
    (tmp_path / "theirs").write_text(yaml.safe_dump(THEIRS))
    assert find(KUBECONFIG=str(tmp_path / "theirs"), **env) == client.DEFAULT


def test_of_the_servers_that_have_been_the_running_one_is_meant(tmp_path, monkeypatch):
    env = {"XDG_STATE_HOME": str(tmp_path)}
    urls = ["http://127.0.0.1:4", "http://127.0.0.1:5"]
    for url in urls:
        kubeconfig.write_own(kubeconfig.default_place(env, url), url)
    monkeypatch.setattr(client, "listens", lambda url: url == urls[1])
    assert find(**env) == urls[1]
    monkeypatch.setattr(client, "listens", lambda url: True)
    with pytest.raises(Failure, match=r"several servers are running .*: choose with --server"):
        find(**env)


@pytest.mark.parametrize("url", ["localhost:8001", "ftp://a", "http://", "http://a:b"])
def test_a_server_must_be_a_url(url):
    with pytest.raises(Failure, match=r"--server: a URL such as"):
        find("--server", url)


# -- HTTPS

SECURE = "https://127.0.0.1:9999"
ACCESS = kubeconfig.Access("authority\n", "certificate\n", "key\n")


def test_credentials_stand_in_the_file_and_are_found_again(tmp_path, capsys):
    path = tmp_path / "kubeconfig-9999.yaml"
    kubeconfig.write_own(path, SECURE, ACCESS)
    assert mode(path) == 0o600
    assert kubeconfig.is_own(path)
    assert kubeconfig.read_access(path, SECURE) == ACCESS
    assert kubeconfig.read_access(path, "https://127.0.0.1:1") is None
    assert run("--server", SECURE, KUBECONFIG=str(path)) == 0
    assert capsys.readouterr().out == path.read_text()
    kubeconfig.remove_own(path, SECURE, kubeconfig.Access("a", "b", "c"))
    assert path.exists()
    kubeconfig.remove_own(path, SECURE, ACCESS)
    assert not path.exists()


def test_credentials_are_found_where_kubeconfigs_are(tmp_path):
    env = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    with pytest.raises(Failure, match=f"no credentials for {SECURE}: name its kubeconfig in"):
        client.find_access(SECURE, env)
    kubeconfig.write_own(kubeconfig.default_place(env, SECURE), SECURE, ACCESS)
    assert client.find_access(SECURE, env) == ACCESS
    kubeconfig.remove_own(kubeconfig.default_place(env, SECURE), SECURE, ACCESS)
    kubeconfig.merge(tmp_path / ".kube" / "config", SECURE, ACCESS)
    assert client.find_access(SECURE, env) == ACCESS
    assert client.find_access(URL, env) is None


def test_a_merge_takes_credentials_along(tmp_path):
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(THEIRS))
    kubeconfig.merge(path, SECURE, ACCESS)
    assert kubeconfig.read_access(path, SECURE) == ACCESS
    kubeconfig.merge(path, URL)
    assert yaml.safe_load(path.read_text())["users"][1] == {"name": "miniplane", "user": {}}


@pytest.mark.parametrize(
    "text", ["[", "a: b", "clusters: 7", "clusters: [{name: miniplane, cluster: {server: x}}]"]
)
def test_what_holds_no_credentials(tmp_path, text):
    (tmp_path / "config").write_text(text)
    assert kubeconfig.read_access(tmp_path / "config", SECURE) is None


def test_the_key_is_not_shown():
    assert "key" not in repr(ACCESS).replace("Access", "")
