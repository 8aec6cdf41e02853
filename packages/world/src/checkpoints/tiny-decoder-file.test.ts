// Tiny decoders as files: written and read, read as others publish them, and refused with a reason.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadSafetensors, manualSeed, randn, saveSafetensors } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyDecoderKeyMap } from "../model/key-maps/tiny-decoder.js";
import { maxError, pick } from "../model/testing/fixtures.js";
import { TinyDecoder } from "../model/tiny-decoder/tiny-decoder.js";
import { loadTinyDecoder, saveTinyDecoder } from "./tiny-decoder-file.js";

let folder: string;
const at = (name: string): string => path.join(folder, name);
beforeAll(async () => void (folder = await mkdtemp(path.join(tmpdir(), "tiny-decoder-"))));
afterAll(() => rm(folder, { recursive: true }));

test("a decoder that was saved decodes the same, with its own layers", async () => {
  manualSeed(1);
  const decoder = new TinyDecoder({ channels: [8, 4], blocks: [1, 1] });
  await saveTinyDecoder(at("own.safetensors"), decoder);
  const loaded = await loadTinyDecoder(at("own.safetensors"));
  expect(loaded.options).toEqual(decoder.options);
  const latents = randn([1, 4, 4, 4]);
  expect(maxError(loaded.forward(latents), decoder.forward(latents))).toBe(0);
});

test.each(["taesd", "diffusers"] as const)("a published decoder is known by its keys: %s", async (form) => {
  manualSeed(1);
  const decoder = new TinyDecoder({ latentChannels: 16 });
  const map = tinyDecoderKeyMap(form);
  const state = new Map([...decoder.stateDict()].map(([key, value]) => [map.toOriginal(key) ?? "", value]));
  const file = at(`${form}.safetensors`);
  await saveSafetensors(file, state);
  const loaded = await loadTinyDecoder(file);
  expect(loaded.options.latentChannels).toBe(16);
  const latents = randn([1, 16, 4, 4]);
  expect(maxError(loaded.forward(latents), decoder.forward(latents))).toBe(0);
  state.delete(map.toOriginal("convOut.bias") ?? "");
  await saveSafetensors(file, state);
  await expect(loadTinyDecoder(file)).rejects.toThrow(/bias" is missing, expected \[3\]/);
});

test("another file is refused, and it is said what to do", async () => {
  await saveSafetensors(at("other.safetensors"), new Map([["weight", randn([2])]]));
  await expect(loadTinyDecoder(at("other.safetensors"))).rejects.toThrow(/is no tiny decoder; train one/);
});

/** A Python with torch and diffusers. */
const python = process.env["VID2WORLD_DIFFUSERS"];

test.skipIf(!python)(
  "diffusers' decoder gives the same pictures (skipped without VID2WORLD_DIFFUSERS)",
  async () => {
    const script = `
import sys, torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file
torch.manual_seed(0)
model = AutoencoderTiny().eval(); latents = torch.randn(1, 4, 4, 6) * 2
with torch.no_grad(): picture = model.decode(latents).sample
save_file(model.state_dict(), sys.argv[1] + "/tiny.safetensors")
# As taesd_decoder.pth is published: the sequence's own numbers, one more than diffusers'.
renamed = {f"{int(k.split('.')[2]) + 1}." + k.split(".", 3)[3]: v for k, v in model.state_dict().items() if k.startswith("decoder.")}
torch.save(renamed, sys.argv[1] + "/taesd_decoder.pth")
save_file({"latents": latents, "picture": picture}, sys.argv[1] + "/expected.safetensors")
`;
    execFileSync(python ?? "", ["-c", script, folder]);
    const expected = await loadSafetensors(at("expected.safetensors"));
    for (const file of ["tiny.safetensors", "taesd_decoder.pth"]) {
      const decoder = await loadTinyDecoder(at(file));
      expect(maxError(decoder.forward(pick(expected, "latents")), pick(expected, "picture")), file).toBeLessThan(1e-4);
    }
  },
  120_000,
);
