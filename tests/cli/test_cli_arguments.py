import gc

import pytest

from miniplane.cli import arguments, main, serve
from miniplane.cli.failure import Failure
from miniplane.config import Config


def config(*argv, **env):
    return serve.config_of(arguments.parse(["serve", *argv], env))


def test_without_flags_the_configuration_is_the_default():
    assert config() == Config()


def test_every_flag():
    assert config(
        *("--host", "localhost", "--port", "0", "--nodes", "5", "--controllers", "*,-kubelet"),
        *("--kubeconfig", "/tmp/k", "--pod-startup", "0.5", "--service-cidr", "10.0.0.0/16"),
        *("--pod-cidr", "10.1.0.0/16", "--seed", "7", "--allow-remote", "--metrics-server"),
        *("--feature-gates", "A=true, B=false", "--watch-window", "50"),
        *("--enable-admission-plugins", "AlwaysPullImages,NamespaceExists"),
        *("--disable-admission-plugins", "PodSecurity"),
        *("--node-zones", "a, b", "--node-capacity", "cpu=4", "--node-labels", "x=y,z="),
        *("--webhook-services", "a/b=https://127.0.0.1:9443, c/d=http://localhost:1"),
    ) == Config(
        host="localhost",
        port=0,
        nodes=5,
        node_zones=("a", "b"),
        node_capacity={"cpu": "4"},
        node_labels={"x": "y", "z": ""},
        controllers="*,-kubelet",
        kubeconfig="/tmp/k",
        pod_startup=0.5,
        service_cidr="10.0.0.0/16",
        pod_cidr="10.1.0.0/16",
        seed=7,
        allow_remote=True,
        metrics_server=True,
        feature_gates={"A": True, "B": False},
        enable_admission_plugins=("AlwaysPullImages", "NamespaceExists"),
        disable_admission_plugins=("PodSecurity",),
        watch_window=50,
        webhook_services={"a/b": "https://127.0.0.1:9443", "c/d": "http://localhost:1"},
    )


def test_every_flag_has_a_variable():
    settings = {
        "MINIPLANE_HOST": "localhost",
        "MINIPLANE_PORT": "0",
        "MINIPLANE_NODES": "5",
        "MINIPLANE_CONTROLLERS": "kubelet",
        "MINIPLANE_KUBECONFIG": "/tmp/k",
        "MINIPLANE_POD_STARTUP": "0",
        "MINIPLANE_SERVICE_CIDR": "10.0.0.0/16",
        "MINIPLANE_POD_CIDR": "10.1.0.0/16",
        "MINIPLANE_SEED": "7",
        "MINIPLANE_ALLOW_REMOTE": "true",
        "MINIPLANE_METRICS_SERVER": "1",
        "MINIPLANE_FEATURE_GATES": "A=true",
        "MINIPLANE_ENABLE_ADMISSION_PLUGINS": "AlwaysPullImages",
        "MINIPLANE_DISABLE_ADMISSION_PLUGINS": "PodSecurity",
        "MINIPLANE_WATCH_WINDOW": "50",
        "MINIPLANE_WEBHOOK_SERVICES": "a/b=https://127.0.0.1:9443",
    }
    changed = config(**settings).model_dump(exclude_defaults=True)
    assert len(changed) == len(settings)


def test_a_flag_wins_over_its_variable():
    assert config("--nodes", "1", MINIPLANE_NODES="9").nodes == 1


@pytest.mark.parametrize("value", ["", "0", "false", "No"])
def test_a_switch_can_be_off(value):
    assert not config(MINIPLANE_ALLOW_REMOTE=value).allow_remote


@pytest.mark.parametrize(
    ("argv", "env", "start"),
    [
        (["--port", "x"], {}, "--port 'x': input should be a valid integer"),
        (["--port", "70000"], {}, "--port '70000': input should be less than or equal to 65535"),
        ([], {"MINIPLANE_NODES": "-1"}, "MINIPLANE_NODES '-1': input should be greater"),
        (["--service-cidr", "x"], {}, "--service-cidr 'x': 'x' does not appear to be"),
        (["--feature-gates", "A"], {}, "--feature-gates: 'A' is not of the form"),
        (["--webhook-services", "a=b"], {}, "--webhook-services: 'a=b' is not of the form"),
        ([], {"MINIPLANE_FEATURE_GATES": "A=x"}, "MINIPLANE_FEATURE_GATES: 'A=x' is not"),
        ([], {"MINIPLANE_ALLOW_REMOTE": "maybe"}, "MINIPLANE_ALLOW_REMOTE: true or false"),
        (["--bogus"], {}, "unrecognized arguments: --bogus (see miniplane --help)"),
        (["--port"], {}, "argument --port: expected one argument (see miniplane serve --help)"),
    ],
)
def test_a_bad_value_is_named(argv, env, start):
    with pytest.raises(Failure) as caught:
        config(*argv, **env)
    assert caught.value.text.startswith(start)
    assert caught.value.status == 2


def test_a_failure_is_one_line_and_a_status(capsys):
    assert main.main(["serve", "--nodes", "many"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("miniplane: --nodes 'many': ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("argv", [["version"], ["serve", "--nodes", "many"]])
def test_garbage_is_collected_after_a_command(argv):
    main.main(argv)
    assert gc.isenabled()


def test_no_command_is_a_failure(capsys):
    assert main.main([]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_version(capsys):
    assert main.main(["version"]) == 0
    assert capsys.readouterr().out.startswith("miniplane ")


def test_help_names_the_variables(capsys):
    with pytest.raises(SystemExit) as caught:
        main.main(["--help"])
    assert caught.value.code == 0
    assert "MINIPLANE_POD_STARTUP" in capsys.readouterr().out
