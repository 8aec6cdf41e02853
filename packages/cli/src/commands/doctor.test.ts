// The report of `vid2world doctor`, and that it really looks at this machine.
import { expect, test } from "vitest";

import { deviceFinding, engineFindings } from "../doctor/engine.js";
import { systemFindings } from "../doctor/system.js";
import { showFindings } from "./doctor.js";

test("hints stand below their finding and the last line counts what is open", () => {
  const shown = showFindings([
    { name: "Node.js", value: "20.20.2", state: "ok" },
    { name: "ffmpeg", value: "not found", state: "missing", hint: "apt-get install ffmpeg" },
  ]);
  const lines = shown.replaceAll(/\x1b\[\d+m/g, "").split("\n");
  expect(lines[0]).toBe("ok       Node.js  20.20.2");
  expect(lines[2]?.trim()).toBe("apt-get install ffmpeg");
  expect(lines.at(-1)).toBe("1 of 2 need attention.");
});

test("on this machine Node and the compiler are found", async () => {
  const findings = await systemFindings();
  expect(findings.find(({ name }) => name === "Node.js")).toMatchObject({ state: "ok", value: process.versions.node });
  expect(findings.map(({ name }) => name)).toEqual(expect.arrayContaining(["compiler", "cmake", "ffmpeg", "memory"]));
});

test("libtorch is loaded, and its matrix product is timed", async () => {
  const findings = await engineFindings();
  const of = (wanted: string) => findings.find(({ name }) => name === wanted);
  expect(of("libtorch")?.value).toMatch(/^\d+\.\d+\.\d+.* \(.+\)$/);
  expect(of("devices")?.value).toMatch(/^cpu/);
  expect(of("matrix library")?.value).toMatch(/GFLOP\/s/);
});

test("a build that left CUDA out is said where there is a GPU's driver, and only there", () => {
  const note = { cudaMissing: "this libtorch has CUDA, but there are no CUDA headers" };
  expect(deviceFinding(0, note, true)).toMatchObject({
    state: "warning",
    hint: expect.stringMatching(/no CUDA headers; .*build:native/) as string,
  });
  expect(deviceFinding(0, note, false)).toEqual({ name: "devices", value: "cpu", state: "ok" });
  expect(deviceFinding(2, {}, true)).toEqual({ name: "devices", value: "cpu, 2 x cuda", state: "ok" });
});
