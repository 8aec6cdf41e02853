// clients/python against a server with arithmetic in place of a world; skipped where there is no python3 (VID2WORLD_PYTHON) with
// numpy, or gymnasium, its own or what scripts/fetch-gymnasium.sh has fetched.
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { testServer } from "@vid2world/world/serving/testing/test-server";
import { expect, test } from "vitest";
import { root } from "./imports.js";

/** Where scripts/fetch-gymnasium.sh puts it. */
const version = /^VERSION=(.*)$/m.exec(readFileSync(join(root, "scripts/fetch-gymnasium.sh"), "utf8"))?.[1];
const cache = process.env["VID2WORLD_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "vid2world"); // prettier-ignore
const client = join(root, "clients/python");
const withGymnasium = { ...process.env, PYTHONPATH: [client, join(cache, `gymnasium-${version}`)].join(delimiter) };
const withoutGymnasium = { ...process.env, PYTHONPATH: client };

const candidates = [process.env["VID2WORLD_PYTHON"] ?? "/usr/bin/python3", "python3"];
/** One that has these modules. */
const pythonWith = (modules: string, env: NodeJS.ProcessEnv): string | undefined =>
  candidates.find((program) => {
    try {
      execFileSync(program, ["-c", `import ${modules}`], { stdio: "ignore", env });
      return true;
    } catch {
      return false;
    }
  });
const python = pythonWith("numpy", withoutGymnasium);
const gymPython = pythonWith("numpy, gymnasium", withGymnasium);

const PROGRAM = `
import json, socket, sys
import numpy as np
import vid2world_client
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
later = [env.reset()[1]["seed"] for _ in range(2)]
env.reset(seed=1)
assert [env.reset()[1]["seed"] for _ in range(2)] == later and later[0] != later[1]
used = env.server._connection.sock
env.step({})
assert env.server._connection.sock is used
clock, vid2world_client.time.monotonic = vid2world_client.time.monotonic, lambda: 1e9
env.step({})
assert env.server._connection.sock is not used
vid2world_client.time.monotonic = clock
env.close()
try:
    env.step({})
    raise SystemExit("a world that is closed went on")
except RuntimeError as error:
    assert "reset" in str(error)

many = VectorEnv(3, url, token, max_steps=2)
frames, info = many.reset(seed=1)
assert frames.shape == (3, 6, 8, 3) and list(info["seed"]) == [1, 2, 3]
frames, rewards, terminated, truncated, info = many.step([{"forward": 0.5}] * 3)
assert np.array_equal(frames[0], first) and not np.array_equal(frames[0], frames[1])
assert not truncated.any() and list(info["node"]) == [2, 2, 2] and info["_node"].all()
assert many.step({"forward": np.zeros(3), "use": np.ones(3)})[3].all()
frames, *_, info = many.step([{}] * 3)
assert np.array_equal(frames[0], again) and list(info["seed"])[0] == later[0]
frames, info = many.reset(seed=[7, None, None], options={"reset_mask": np.array([True, False, False])})
assert list(info["_seed"]) == [True, False, False] and info["seed"][0] == 7
assert np.array_equal(many.render()[0], frames[0])
for wrong in ({"seed": [1, 2]}, {"options": {"reset_mask": np.zeros(3, bool)}}):
    try:
        many.reset(**wrong)
        raise SystemExit("a wrong reset was taken")
    except ValueError:
        pass
many.close()

with socket.create_server(("127.0.0.1", 0)) as silent:
    server = Server(f"http://127.0.0.1:{silent.getsockname()[1]}/under/a/path/", timeout=0.1)
    try:
        server.world()
        raise SystemExit("nobody answered")
    except socket.timeout:
        assert server._connection.sock is None  # the next call begins anew
    assert silent.accept()[0].recv(99).startswith(b"GET /under/a/path/api/v1/world ")

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
    const options = { env: withoutGymnasium, timeout: 60_000 };
    const run = promisify(execFile)(python ?? "", ["-c", PROGRAM, server.address, "a secret"], options);
    expect((await run).stdout).toContain("frames");
  } finally {
    await server.close();
  }
});

const CHECK = `
import sys, warnings
import numpy as np
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv as Theirs
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from vid2world_client import Env, VectorEnv

warnings.simplefilter("error", DeprecationWarning)
url = sys.argv[1]
env = Env(url, max_steps=3)
check_env(env)
assert env.timings["batch"] == 1 and env.metadata["render_fps"] == 10
env.close()

# Side by side with gymnasium's own vector of single worlds.
options = {"reward": lambda frame, action, info: float(frame.mean()), "max_steps": 3}
many = VectorEnv(2, url, **options)
theirs = SyncVectorEnv([lambda: Env(url, **options)] * 2)
assert isinstance(many, Theirs) and many.metadata == theirs.metadata
assert many.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP and many.render_mode == theirs.render_mode
for name in ("action_space", "observation_space", "single_action_space", "single_observation_space"):
    assert getattr(many, name) == getattr(theirs, name), name

def same(ours, other):
    *values, info = ours
    *expected, expected_info = other
    for value, wanted in zip(values, expected):
        assert value.dtype == wanted.dtype and np.array_equal(value, wanted)
    assert info.keys() == expected_info.keys(), (info.keys(), expected_info.keys())
    for key in info:
        assert np.array_equal(info[key], expected_info[key]), key

many.action_space.seed(4)
same(many.reset(seed=1), theirs.reset(seed=1))
for _ in range(9):
    actions = many.action_space.sample()
    same(many.step(actions), theirs.step(actions))
mask = np.array([False, True])
same(many.reset(seed=5, options={"reset_mask": mask}), theirs.reset(seed=5, options={"reset_mask": mask}))
same(many.step(actions), theirs.step(actions))
same(many.reset(), theirs.reset())
assert np.array_equal(many.render(), theirs.render())
assert many.observation_space.contains(many.step(actions)[0])
theirs.close()

wrapped = DictInfoToList(RecordEpisodeStatistics(many))
wrapped.reset(seed=1)
for _ in range(3):
    info = wrapped.step(actions)[4]
assert info[0]["episode"]["l"] == 3 and info[1]["node"] == 4
wrapped.close()
assert many.closed
print("checked")
`;

test.skipIf(gymPython === undefined)(
  "gymnasium finds nothing wrong with it, and its own vectors do the same (needs scripts/fetch-gymnasium.sh)",
  async () => {
    const server = await testServer();
    try {
      const options = { env: withGymnasium, timeout: 60_000 };
      const run = promisify(execFile)(gymPython ?? "", ["-c", CHECK, server.address], options);
      expect((await run).stdout).toContain("checked");
    } finally {
      await server.close();
    }
  },
);
