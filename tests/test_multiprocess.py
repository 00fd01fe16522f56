"""The same losses on one device, on eight, on a mesh with a model axis, and in two processes."""

from __future__ import annotations

import os
import socket

import numpy as np
import pytest

from tests.small_run import command, finish, lines, wait_for


def losses(run_dir):
    return [(line["step"], line["kind"], line.get("loss"), line["cross_entropy"]) for line in lines(run_dir)]


def assert_close(run_dir, unbroken):
    ours, whole = losses(run_dir), losses(unbroken)
    assert [row[:2] for row in ours] == [row[:2] for row in whole]
    for column in (2, 3):
        found, wanted = ([row[column] for row in rows if row[column] is not None] for rows in (ours, whole))
        np.testing.assert_allclose(found, wanted, rtol=2e-4)


def devices(count):
    return {"XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={count}"}


@pytest.mark.parametrize("mesh_model", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_eight_devices(mesh_model, workdir, data):
    finish(command(workdir, f"--config.train.mesh_model={mesh_model}", env=devices(8)))
    assert_close(workdir, data / "runs" / "unbroken")


def start_two(workdir):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    # Batches of twice the validation examples: the second process decodes padding only.
    hosts = [f"--coordinator=127.0.0.1:{port}", "--num_processes=2", "--config.evals.batch_size=16"]
    return [command(workdir, *hosts, f"--process_id={index}") for index in (0, 1)]


def test_two_processes_killed_and_started_again(workdir, data):
    metrics = workdir / "metrics.jsonl"
    processes = start_two(workdir)
    wait_for(lambda: metrics.exists() and '"step": 6,' in metrics.read_text(), processes[0])
    for process in processes:
        process.kill()
        process.communicate()
    outputs = [finish(process) for process in start_two(workdir)]
    assert "going on at step" in outputs[0]
    assert "step" not in outputs[1], "only the first process speaks"
    assert_close(workdir, data / "runs" / "unbroken")


def test_a_batch_that_does_not_divide_over_the_devices(workdir):
    output = finish(command(workdir, "--config.data.batch_size=12", env=devices(8)), code=2)
    assert output.strip() == "main.py: data.batch_size 12 does not divide over 8 devices; use a multiple of 8"
