"""Plays worlds that `vid2world play` serves: an Env and a VectorEnv in the style of Gymnasium.

Needs Python 3.8 and numpy; where gymnasium is installed, spaces are its own and the classes derive from its.

    from vid2world_client import Env
    env = Env("http://127.0.0.1:8008")
    frame, info = env.reset(seed=1)
    frame, reward, terminated, truncated, info = env.step({"forward": 1.0})

A world gives pictures, no rewards: give `reward` a function of (frame, action, info) to score what is seen.
"""

import http.client
import json
import struct
import time
from urllib.parse import urlsplit

import numpy as np

try:
    import gymnasium
except ImportError:
    gymnasium = None

PROTOCOL = 1
_API = "/api/v1"
_HEAD = struct.Struct("<4sBBHIIIIIHH5fI")
_NONE = 0xFFFFFFFF
_IDLE = 30.0  # seconds after which a connection is not used again: servers and proxies end those that nobody uses


class ServerError(Exception):
    """The server refused. `code` is one of the protocol's codes, `status` that of HTTP.

    Where several frames were asked for, `frames` are those that were drawn all the same, each in its place, None for the others.
    """

    def __init__(self, status, code, message, frames=()):
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.frames = status, code, list(frames)


def decode_frame(data):
    """One binary frame (docs/protocol.md) -> a dict with `pixels` [height, width, 3] uint8 and what the server says of it."""
    head = _HEAD.unpack_from(data)
    magic, version, form, width_of_action, node, parent, number, request, sequence, width, height = head[:11]
    if magic != b"V2WF" or version != 1:
        raise ValueError("not a frame of version 1")
    if form != 0:
        raise ValueError("an encoded picture; ask for format rgb")
    begin = _HEAD.size + 4 * width_of_action
    pixels = np.frombuffer(data, np.uint8, width * height * 3, begin).reshape(height, width, 3)
    timings = dict(zip(("wait", "model", "decode", "encode", "since_action"), head[11:16]))
    return {
        "pixels": pixels,
        "node": node,
        "parent": None if parent == _NONE else parent,
        "frame": number,
        "action": np.frombuffer(data, "<f4", width_of_action, _HEAD.size).copy(),
        "timings": timings,
        "batch": head[16],
    }


def decode_frames(data):
    """Several frames, each after its length. Raises ServerError, with the others, where there is a reason in place of one."""
    frames, failure, at = [], None, 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        one = data[at + 4 : at + 4 + length]
        failed = one[:1] == b"{"
        if failed and failure is None:
            failure = json.loads(one)["error"]
        frames.append(None if failed else decode_frame(one))
        at += 4 + length
    if failure is not None:
        raise ServerError(200, failure["code"], failure["message"], frames)
    return frames


class Server:
    """The HTTP interface of one server. Not for several threads at once."""

    def __init__(self, url="http://127.0.0.1:8008", token=None, timeout=600.0):
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout)
        self._root = parts.path.rstrip("/") + _API  # behind a proxy it may lie under any path
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._used = time.monotonic()

    def call(self, method, path, body=None, key=None, content_type=None):
        """One request; returns the answer's bytes. `body` is bytes, or is sent as JSON."""
        headers = dict(self._headers)
        if key is not None:
            headers["x-session-key"] = key
        if body is not None:
            headers["Content-Type"] = content_type or ("application/octet-stream" if isinstance(body, bytes) else "application/json")
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        if time.monotonic() - self._used > _IDLE:
            self._connection.close()
        try:
            self._connection.request(method, self._root + path, body, headers)
            answer = self._connection.getresponse()
            data = answer.read()
        except BaseException:  # whatever it was, an interrupt too: an answer that comes later is none to the next call
            self._connection.close()  # which connects again
            raise
        self._used = time.monotonic()
        if answer.status >= 400:
            raise _error(answer.status, data)
        return data

    def json(self, method, path, body=None, key=None):
        """One request whose answer is JSON."""
        return json.loads(self.call(method, path, body, key))

    def world(self):
        """What is played here."""
        world = self.json("GET", "/world")
        if world["protocol"] != PROTOCOL:
            raise ServerError(400, "wrong-protocol", f"the server speaks version {world['protocol']}, this client {PROTOCOL}")
        return world

    def starts(self):
        """Where a session can begin."""
        return self.json("GET", "/starts")["starts"]

    def upload(self, file):
        """Bytes of a picture, a short video or a session file -> a start."""
        answer = json.loads(self.call("POST", "/uploads", bytes(file), content_type="application/octet-stream"))
        return {"kind": answer["kind"], "id": answer["id"]}

    def open(self, start, seed=None, settings=None):
        """Opens a session."""
        body = {"start": start}
        if seed is not None:
            body["seed"] = int(seed)
        if settings:
            body["settings"] = settings
        return Session(self, self.json("POST", "/sessions", body))

    def restore(self, snapshot):
        """A new session that goes on from a snapshot."""
        return Session(self, json.loads(self.call("POST", "/sessions/restore", snapshot)))

    def step_together(self, sessions, actions):
        """One step of several sessions, which the server computes together."""
        steps = [{"session": s.id, "key": s.key, "action": a} for s, a in zip(sessions, actions)]
        return decode_frames(self.call("POST", "/step", {"steps": steps, "format": "rgb"}))

    def close(self):
        """Ends the connection; sessions stay until they are closed or forgotten."""
        self._connection.close()


def _error(status, data):
    try:
        error = json.loads(data)["error"]
        return ServerError(status, error["code"], error["message"])
    except (ValueError, KeyError, TypeError):
        return ServerError(status, "internal", f"the server answered {status}")


class Session:
    """A session: a tree of frames that one may go on from anywhere."""

    def __init__(self, server, opened):
        self.server, self.opened = server, opened
        self.id, self.key, self.seed = opened["session"], opened["key"], opened["seed"]
        self.truth_frames = opened["truthFrames"]

    def _path(self, rest=""):
        return f"/sessions/{self.id}{rest}"

    def step(self, *actions, start_from=None, settings=None):
        """Frames of one or several actions in a row (dicts by channel), from a node (None: the newest)."""
        body = {"actions": list(actions), "format": "rgb"}
        if start_from is not None:
            body["from"] = start_from
        if settings:
            body["settings"] = settings
        return decode_frames(self.server.call("POST", self._path("/step"), body, self.key))

    def fork(self, node=None):
        """A session of its own with everything that this one has."""
        body = {} if node is None else {"node": node}
        return Session(self.server, self.server.json("POST", self._path("/fork"), body, self.key))

    def snapshot(self):
        """Bytes from which `Server.restore` goes on."""
        return self.server.call("GET", self._path("/snapshot"), key=self.key)

    def state(self):
        """How it stands: nodes, current node, settings."""
        return self.server.json("GET", self._path(), key=self.key)

    def file(self):
        """The session as a file that can be played again (a dict, for json.dump)."""
        return self.server.json("GET", self._path("/file"), key=self.key)

    def picture(self, node, world):
        """Pixels of any node, [height, width, 3]."""
        return self._pixels(f"/frames/{node}", world)

    def truth(self, frame, world):
        """The recording's own frame, where the session began in a recording."""
        return self._pixels(f"/truth/{frame}", world)

    def _pixels(self, path, world):
        data = self.server.call("GET", self._path(path + "?format=rgb"), key=self.key)
        return np.frombuffer(data, np.uint8).reshape(world["height"], world["width"], 3)

    def close(self):
        """Ends it and frees its place."""
        try:
            self.server.call("DELETE", self._path(), key=self.key)
        except ServerError as error:
            if error.code != "unknown-session":
                raise


class ActionSpace:
    """What can be done: one value per channel. Samples within the ranges, like gymnasium's spaces."""

    def __init__(self, channels, seed=None):
        self.channels = channels or []
        self._random = np.random.default_rng(seed)

    def seed(self, seed=None):
        self._random = np.random.default_rng(seed)

    def sample(self):
        return {channel["name"]: self._value(channel) for channel in self.channels}

    def _value(self, channel):
        if channel["kind"] == "continuous":
            low, high = channel["range"]
            return float(self._random.uniform(low, high))
        return int(self._random.integers(2 if channel["kind"] == "binary" else len(channel["options"])))

    def contains(self, action):
        by_name = {channel["name"]: channel for channel in self.channels}
        return all(name in by_name and _fits(by_name[name], value) for name, value in action.items())

    def gymnasium(self):
        """The same as a gymnasium Dict space."""
        spaces = gymnasium.spaces
        return spaces.Dict({channel["name"]: _space(channel, spaces) for channel in self.channels})


def _fits(channel, value):
    value = float(np.asarray(value).reshape(()))
    if channel["kind"] == "continuous":
        low, high = channel["range"]
        return low <= value <= high
    return value in range(2 if channel["kind"] == "binary" else len(channel["options"]))


def _space(channel, spaces):
    if channel["kind"] == "continuous":
        low, high = channel["range"]
        return spaces.Box(low, high, (), np.float32)
    return spaces.Discrete(2 if channel["kind"] == "binary" else len(channel["options"]))


def _named(action, channels):
    """A dict by channel, or a row of one value per channel -> plain numbers by name."""
    if isinstance(action, dict):
        return {name: float(np.asarray(value).reshape(())) for name, value in action.items()}
    values = np.asarray(action, np.float64).reshape(-1)
    if len(values) != len(channels):
        raise ValueError(f"{len(values)} values for {len(channels)} channels")
    return {channel["name"]: float(value) for channel, value in zip(channels, values)}


def _observation_space(shape):
    if gymnasium is None:
        return None
    return gymnasium.spaces.Box(0, 255, shape, np.uint8)


def _timings_of(info):
    """Takes what differs from run to run out of a frame's info, which then is a function of seed and actions."""
    return {**info.pop("timings"), "batch": info.pop("batch")}


class _Seeds:
    """Seeds of one world's sessions: the one that is given, and after it those that follow from it, so that a seed decides on all episodes."""

    def __init__(self):
        self._random = np.random.default_rng()

    def next(self, seed=None):
        if seed is None:
            return int(self._random.integers(2**32 - 1))
        self._random = np.random.default_rng(int(seed))
        return int(seed)


def _together(infos):
    """Infos of single worlds -> an array by key, and by _key which worlds it is of, as gymnasium batches them."""
    together = {}
    for i, info in enumerate(infos):
        for key, value in info.items():
            value = np.asarray(value)
            if key not in together:
                together[key] = np.zeros((len(infos), *value.shape), value.dtype)
                together["_" + key] = np.zeros(len(infos), bool)
            together[key][i] = value
            together["_" + key][i] = True
    return together


def _no_session():
    return RuntimeError("no session yet: call reset() first")


def _no_reward(_frame, _action, _info):
    return 0.0


class Env(gymnasium.Env if gymnasium else object):
    """One world. Observations are frames [height, width, 3] uint8; actions are dicts by channel (others at rest) or rows."""

    metadata = {"render_modes": ["rgb_array"]}
    render_mode = "rgb_array"

    def __init__(self, url="http://127.0.0.1:8008", token=None, start=None, reward=_no_reward, max_steps=None, settings=None):
        self.server = Server(url, token)
        self.world = self.server.world()
        self.metadata = {**self.metadata, "render_fps": self.world["fps"]}
        self.channels = self.world.get("channels") or []
        space = ActionSpace(self.channels)
        self.action_space = space.gymnasium() if gymnasium else space
        self.observation_space = _observation_space((self.world["height"], self.world["width"], 3))
        self.session = None
        self.timings = None  # of the newest frame: milliseconds, and frames in its pass
        self._start, self._reward, self._max_steps, self._settings = start, reward, max_steps, settings
        self._steps, self._frame, self._seeds = 0, None, _Seeds()

    def reset(self, *, seed=None, options=None):
        """Begins again; `options={"start": id}` at another start of `server.starts()`. Returns the newest context frame.

        Without a seed, the seed follows from the last one that was given.
        """
        if gymnasium:
            super().reset(seed=seed)
        if self.session:
            self.session.close()
        start = (options or {}).get("start", self._start)
        self.session = self.server.open(_start_of(start, self.server), self._seeds.next(seed), self._settings)
        info = _info_of(self.session)
        self._steps, self._frame = 0, self.session.picture(info["node"], self.world)
        return self._frame, info

    def step(self, action):
        """One frame. Returns (frame, reward, terminated, truncated, info) as gymnasium wants it."""
        if self.session is None:
            raise _no_session()
        action = _named(action, self.channels)
        info = self.session.step(action)[0]
        self.timings = _timings_of(info)
        return self._seen(info.pop("pixels"), action, info)

    def _seen(self, frame, action, info):
        self._steps, self._frame = self._steps + 1, frame
        truncated = self._max_steps is not None and self._steps >= self._max_steps
        return frame, float(self._reward(frame, action, info)), False, truncated, info

    def render(self):
        """The newest frame."""
        return self._frame

    def snapshot(self):
        """Everything needed to come back here by `restore`."""
        return self.session.snapshot(), self._steps, self._frame

    def restore(self, snapshot):
        """Goes back to a snapshot, which stays valid."""
        data, self._steps, self._frame = snapshot
        session, self.session = self.session, self.server.restore(data)
        if session:
            session.close()

    def close(self):
        """Ends session and connection."""
        if self.session:
            self.session.close()
        self.session = None
        self.server.close()


class VectorEnv(gymnasium.vector.VectorEnv if gymnasium else object):
    """Several worlds side by side, drawn in one pass of the network where the server has room. Arrays have a first axis of `num_envs`.

    A world that is truncated begins again with the next step (gymnasium's next-step mode): that step ignores its action.
    """

    metadata = {"render_modes": ["rgb_array"]}
    render_mode = "rgb_array"
    closed = False

    def __init__(self, num_envs, url="http://127.0.0.1:8008", token=None, starts=None, reward=_no_reward, max_steps=None, settings=None):
        self.num_envs = num_envs
        self.server = Server(url, token)
        self.world = self.server.world()
        most = self.world["limits"]["sessions"]
        if num_envs > most:
            raise ValueError(f"{num_envs} worlds at once, and this server has {most} sessions: start it with --sessions {num_envs}")
        self.channels = self.world.get("channels") or []
        shape = (self.world["height"], self.world["width"], 3)
        self.single_action_space = ActionSpace(self.channels).gymnasium() if gymnasium else ActionSpace(self.channels)
        self.single_observation_space = _observation_space(shape)
        self.metadata = {**self.metadata, "render_fps": self.world["fps"]}
        if gymnasium:
            batch = gymnasium.vector.utils.batch_space
            self.action_space = batch(self.single_action_space, num_envs)
            self.observation_space = batch(self.single_observation_space, num_envs)
            mode = getattr(gymnasium.vector, "AutoresetMode", None)  # named from gymnasium 1.1 on
            self.metadata = {**self.metadata, **({"autoreset_mode": mode.NEXT_STEP} if mode else {})}
        self.sessions = [None] * num_envs
        self.timings = [None] * num_envs  # of their newest frames: milliseconds, and frames in their pass
        self._starts, self._reward, self._max_steps, self._settings = starts, reward, max_steps, settings
        self._frames = np.zeros((num_envs, *shape), np.uint8)
        self._steps = np.zeros(num_envs, np.int64)
        self._over = np.zeros(num_envs, bool)
        self._seeds = [_Seeds() for _ in range(num_envs)]

    def reset(self, *, seed=None, options=None):
        """Begins all again: world i with seed + i, or the i-th of several seeds; without, with what follows from the last one.

        Options: `start`, id of a start for all; `reset_mask`, an array of bool: of the worlds that begin again, the others go on.
        """
        single = seed is None or isinstance(seed, (int, np.integer))
        seeds = [None if seed is None else seed + i for i in range(self.num_envs)] if single else list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds for {self.num_envs} worlds")
        if gymnasium and single:
            super().reset(seed=None if seed is None else int(seed))
        options = options or {}
        mask = np.asarray(options.get("reset_mask", np.ones(self.num_envs, bool)))
        if mask.shape != (self.num_envs,) or mask.dtype != bool or not mask.any():
            raise ValueError(f"reset_mask must be {self.num_envs} of bool, one of them true")
        infos = [self._begin(i, seeds[i], options.get("start")) if mask[i] else {} for i in range(self.num_envs)]
        return self._frames.copy(), _together(infos)

    def _begin(self, i, seed=None, start=None):
        if self.sessions[i]:
            self.sessions[i].close()
        if start is None and self._starts:
            start = self._starts[i % len(self._starts)]
        session = self.server.open(_start_of(start, self.server), self._seeds[i].next(seed), self._settings)
        info = _info_of(session)
        self.sessions[i], self._frames[i] = session, session.picture(info["node"], self.world)
        self._steps[i], self._over[i] = 0, False
        return info

    def step(self, actions):
        """One frame of each world. `actions`: a list of dicts or rows, or a dict of arrays, as gymnasium batches dicts."""
        if None in self.sessions:
            raise _no_session()
        if isinstance(actions, dict):
            actions = [{name: values[i] for name, values in actions.items()} for i in range(self.num_envs)]
        named = [_named(action, self.channels) for action in actions]
        going = [i for i in range(self.num_envs) if not self._over[i]]
        rewards, truncated = np.zeros(self.num_envs), np.zeros(self.num_envs, bool)
        infos = [{} for _ in range(self.num_envs)]
        for i in range(self.num_envs):
            if self._over[i]:
                infos[i] = self._begin(i)
        drawn, failure = [], None
        try:
            if going:
                drawn = self.server.step_together([self.sessions[i] for i in going], [named[i] for i in going])
        except ServerError as error:
            drawn, failure = error.frames, error  # some went on all the same
        for i, info in zip(going, drawn):
            if info is None:
                continue
            self._frames[i] = info.pop("pixels")
            self.timings[i] = _timings_of(info)
            self._steps[i] += 1
            infos[i] = info
            rewards[i] = self._reward(self._frames[i], named[i], info)
            truncated[i] = self._max_steps is not None and self._steps[i] >= self._max_steps
        self._over = truncated.copy()
        if failure is not None:
            raise failure
        return self._frames.copy(), rewards, np.zeros(self.num_envs, bool), truncated, _together(infos)

    def render(self):
        """The newest frames."""
        return tuple(self._frames.copy())

    def close(self, **kwargs):
        """Ends all sessions and the connection."""
        self.closed = True
        for session in self.sessions:
            if session:
                session.close()
        self.sessions = [None] * self.num_envs
        self.server.close()


def _info_of(session):
    """What is told of a session that has just begun."""
    return {"node": session.opened["state"]["node"], "seed": session.seed, "truth_frames": session.truth_frames}


def _start_of(start, server):
    """None: the first of the gallery; a string: that one of the gallery; a dict: as it is, an upload for instance."""
    if isinstance(start, dict):
        return start
    if start is not None:
        return {"kind": "gallery", "id": start}
    starts = server.starts()
    if not starts:
        raise ServerError(404, "unknown-start", "this server has no starts; upload a picture")
    return {"kind": "gallery", "id": starts[0]["id"]}
