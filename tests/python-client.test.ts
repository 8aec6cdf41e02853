// clients/python against a server with arithmetic in place of a world; skipped where there is no python3 (VID2WORLD_PYTHON) with
// numpy, or gymnasium.
import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { testServer } from "@vid2world/world/serving/testing/test-server";
import { expect, test } from "vitest";
import { root } from "./imports.js";

const candidates = [process.env["VID2WORLD_PYTHON"] ?? "/usr/bin/python3", "python3"];
/** One that has these modules. */
const pythonWith = (modules: string): string | undefined =>
  candidates.find((program) => {
    try {
      execFileSync(program, ["-c", `import ${modules}`], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
const python = pythonWith("numpy");
const gymPython = pythonWith("numpy, gymnasium");

const PROGRAM = `
import json, sys
import numpy as np
from vid2world_client import Env, Server, ServerError, VectorEnv

url, token = sys.argv[1:]
env = Env(url, token, reward=lambda frame, action, info: action.get("forward", 0.0), max_steps=3)
env.action_space.seed(0)
frame, info = env.reset(seed=1)
assert frame.shape == (6, 8, 3) and frame.dtype == np.uint8 and info["seed"] == 1
first, reward, terminated, truncated, info = env.step({"forward": 0.5})
assert reward == 0.5 and not terminated and not truncated and info["node"] == 2
saved = env.snapshot()
second = env.step([1.0, 0])[0]
env.restore(saved)
assert np.array_equal(env.render(), first)
assert np.array_equal(env.step({"forward": 1.0})[0], second)
assert env.step(env.action_space.sample())[3]
fork = env.session.fork(2)
assert np.array_equal(fork.step({"forward": 1.0})[0]["pixels"], second)
assert np.array_equal(fork.picture(2, env.world), first)
assert len(fork.file()["nodes"]) == 4
fork.close()
try:
    env.step({"fly": 1})
    raise SystemExit("an unknown channel was taken")
except ServerError as error:
    assert error.code == "bad-action" and error.status == 400
again, _ = env.reset(seed=1)
assert np.array_equal(env.step({"forward": 0.5})[0], first)
env.close()

many = VectorEnv(3, url, token, max_steps=2)
frames, info = many.reset(seed=1)
assert frames.shape == (3, 6, 8, 3) and list(info["seed"]) == [1, 2, 3]
frames, rewards, terminated, truncated, info = many.step([{"forward": 0.5}] * 3)
assert np.array_equal(frames[0], first) and not np.array_equal(frames[0], frames[1])
assert not truncated.any()
assert many.step({"forward": np.zeros(3), "use": np.ones(3)})[3].all()
frames, *_ = many.step([{}] * 3)
assert np.array_equal(frames[0], again)
many.close()

server = Server(url, token)
start = {"kind": "gallery", "id": server.starts()[0]["id"]}
session = server.open(start, seed=9)
snapshot = session.snapshot()
assert server.restore(snapshot).state()["seed"] == 9
try:
    server.restore(snapshot[:-1])
    raise SystemExit("half a snapshot was taken")
except ServerError as error:
    assert error.code == "bad-upload"
print(json.dumps({"frames": 7}))
`;

test.skipIf(python === undefined)("policies play through the Python client (needs python3 with numpy)", async () => {
  const server = await testServer({ token: "a secret", limits: { sessions: 16 } });
  try {
    const env = { ...process.env, PYTHONPATH: join(root, "clients/python") };
    const run = promisify(execFile)(python ?? "", ["-c", PROGRAM, server.address, "a secret"], {
      env,
      timeout: 60_000,
    });
    expect((await run).stdout).toContain("frames");
  } finally {
    await server.close();
  }
});

const CHECK = `
import sys, warnings
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import VectorEnv as Theirs
from vid2world_client import Env, VectorEnv

warnings.simplefilter("error", DeprecationWarning)
env = Env(sys.argv[1], max_steps=3)
check_env(env)
assert env.timings["batch"] == 1 and env.metadata["render_fps"] == 10
env.close()
many = VectorEnv(2, sys.argv[1])
assert isinstance(many, Theirs)
many.reset(seed=1)
frames, *_ = many.step(many.action_space.sample())
assert many.observation_space.contains(frames)
many.close()
print("checked")
`;

test.skipIf(gymPython === undefined)("gymnasium finds nothing wrong with it (needs gymnasium)", async () => {
  const server = await testServer();
  try {
    const env = { ...process.env, PYTHONPATH: join(root, "clients/python") };
    const run = promisify(execFile)(gymPython ?? "", ["-c", CHECK, server.address], { env, timeout: 60_000 });
    expect((await run).stdout).toContain("checked");
  } finally {
    await server.close();
  }
});
