// A TorchScript module is loaded and called; what is none is a named error.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { liveTensors, scope, ScriptModule, tensor } from "./index.js";

const folder = mkdtempSync(join(tmpdir(), "script-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "twice.pt");

const SOURCE = `
import sys, torch
class Twice(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.offset = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    def forward(self, x, square: bool = False, factor: float = 2.0):
        y = x * factor + self.offset
        return y * y if square else y
    @torch.jit.export
    def pair(self, x):
        return x, x
torch.jit.script(Twice()).save(sys.argv[1])
`;

/** PyTorch writes the file, where it is installed. */
function write(): boolean {
  const source = join(folder, "twice.py"); // TorchScript reads the class from its file
  writeFileSync(source, SOURCE);
  try {
    execFileSync("/usr/bin/python3", [source, file], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!write())("a TorchScript module (skipped without PyTorch for Python)", () => {
  test("is called with tensors and keywords, and leaves nothing behind", () => {
    const script = new ScriptModule(file);
    const before = liveTensors();
    using x = tensor([3, 4]);
    using plain = script.call([x]);
    using squared = script.call([x], { keywords: { square: true, factor: 1 } });
    expect([...(plain.toTypedArray() as Float32Array)]).toEqual([7, 10]);
    expect([...(squared.toTypedArray() as Float32Array)]).toEqual([16, 36]);
    scope(() => void script.call([x]));
    expect(liveTensors()).toBe(before + 3);
  });

  test("says what is wrong with a call", () => {
    const script = new ScriptModule(file);
    using x = tensor([3, 4]);
    expect(() => script.call([x], { method: "pair" })).toThrow(/callScript: returned a Tuple, not a tensor/);
    expect(() => script.call([x], { method: "nothing" })).toThrow(/nothing/);
    expect(() => script.call([x], { keywords: { cube: true } })).toThrow(/cube/);
  });
});

test("a file that is no TorchScript is refused", () => {
  const text = join(folder, "text.pt");
  writeFileSync(text, "not a program");
  expect(() => new ScriptModule(text)).toThrow(/loadScript/);
  expect(() => new ScriptModule(join(folder, "absent.pt"))).toThrow(/absent\.pt/);
});
