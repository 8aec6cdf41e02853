// A session as plain data and as bytes: everything needed to go on exactly from any of its nodes. The bytes come from outside (a disk, another
// machine), so that nothing in them is trusted: every length is checked before it is used, and nothing is ever run.
//
//   offset 0   4 bytes   "V2WS"
//          4   u32       version, 1 (all numbers little-endian)
//          8   u32       length of the head
//         12   ...       head, JSON: `headSchema`
//         ...            the context's frames; latents of all nodes, float32; tensors of the scene; tensors of the memories
//      last 32 bytes     sha256 of all before

import { createHash } from "node:crypto";
import * as z from "zod";
import { EngineError } from "./engine.js";
import type { TreeNode } from "./engine-session.js";
import { sessionStateSchema } from "./protocol/messages.js";

const BYTES = { float64: 8, float32: 4, float16: 2, bfloat16: 2, int64: 8, int32: 4, uint8: 1, bool: 1 } as const;
const count = z.int().min(0);
const shape = z
  .array(
    z
      .int()
      .min(1)
      .max(2 ** 31),
  )
  .max(8);
const dtype = z.enum(Object.keys(BYTES) as (keyof typeof BYTES)[]);
const tensor = z.strictObject({ dtype, shape });

const headSchema = z.strictObject({
  /** Of the world: `EngineWorld.checksum`. */
  checksum: z.string().max(128),
  seed: count,
  contextBytes: count,
  latentShape: z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]),
  nodes: z
    .array(
      z.strictObject({
        parent: count.optional(),
        action: z.array(z.number()).max(4096).optional(),
        settings: sessionStateSchema.shape.settings.optional(),
      }),
    )
    .min(1)
    .max(1_000_000),
  scene: z.array(z.strictObject({ name: z.string().max(64), ...tensor.shape })).max(16),
  memories: z.array(z.strictObject({ node: count, next: count, began: count, tensors: z.array(tensor) })).max(4096),
});

/** A tensor's values. */
export interface StoredTensor {
  readonly dtype: keyof typeof BYTES;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** What the network remembers at a node. */
export interface StoredMemory {
  readonly node: number;
  /** Number of the frame after the remembered ones, and the same when the memory was begun. */
  readonly next: number;
  readonly began: number;
  readonly tensors: readonly StoredTensor[];
}

/** A session without anything of the process it was played in. */
export interface SessionRecord {
  /** Of the world that it belongs to. */
  readonly checksum: string;
  readonly seed: number;
  readonly contextFrames: Uint8Array;
  /** Channels, height, width. */
  readonly latentShape: readonly [number, number, number];
  /** In the order of their numbers, those of the context first. */
  readonly nodes: readonly TreeNode[];
  readonly scene: Readonly<Record<string, StoredTensor>>;
  /** Of some nodes; the memory of any other one can be computed from the nodes. */
  readonly memories: readonly StoredMemory[];
}

const MAGIC = Buffer.from("V2WS");
const VERSION = 1;
const HEAD_FROM = 12;
const SUM_BYTES = 32;

/** The bytes of a session. */
export function encodeSession(record: SessionRecord): Uint8Array {
  const { checksum, seed, contextFrames, latentShape, nodes, scene, memories } = record;
  const shapeOf = ({ dtype, shape }: StoredTensor) => ({ dtype, shape: [...shape] });
  const head: z.output<typeof headSchema> = {
    ...{ checksum, seed, contextBytes: contextFrames.length, latentShape: [...latentShape] },
    nodes: nodes.map(({ parent, action, settings }) => ({
      ...(parent !== undefined && { parent }),
      ...(action && { action: [...action] }),
      ...(settings && { settings }),
    })),
    scene: Object.entries(scene).map(([name, stored]) => ({ name, ...shapeOf(stored) })),
    memories: memories.map(({ tensors, ...memory }) => ({ ...memory, tensors: tensors.map(shapeOf) })),
  };
  const text = Buffer.from(JSON.stringify(head));
  const start = Buffer.alloc(HEAD_FROM);
  MAGIC.copy(start);
  start.writeUInt32LE(VERSION, 4);
  start.writeUInt32LE(text.length, 8);
  const latents = nodes.map(({ latent }) => Buffer.from(latent.buffer, latent.byteOffset, latent.byteLength));
  const stored = [...Object.values(scene), ...memories.flatMap(({ tensors }) => tensors)].map(({ bytes }) => bytes);
  const parts = [start, text, contextFrames, ...latents, ...stored];
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part);
  return Buffer.concat([...parts, sum.digest()]);
}

/** The session in these bytes. Throws `bad-snapshot` where they are none, or none of this version. */
export function decodeSession(bytes: Uint8Array): SessionRecord {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (all.length < HEAD_FROM + SUM_BYTES || !all.subarray(0, 4).equals(MAGIC)) throw bad("it is no session");
  const version = all.readUInt32LE(4);
  if (version !== VERSION) throw bad(`it is of version ${version}, and this program reads version ${VERSION}`);
  const body = all.subarray(0, all.length - SUM_BYTES);
  if (!createHash("sha256").update(body).digest().equals(all.subarray(body.length)))
    throw bad("its checksum does not fit: it was cut short or changed");
  const headEnd = HEAD_FROM + all.readUInt32LE(8);
  if (headEnd > body.length) throw bad("its head is longer than itself");
  const head = headOf(body.subarray(HEAD_FROM, headEnd));

  let at = headEnd;
  const take = (length: number, what: string): Uint8Array => {
    if (length > body.length - at) throw bad(`${what} is missing: ${length} bytes, ${body.length - at} are left`);
    return Uint8Array.prototype.slice.call(body, at, (at += length));
  };
  const takeTensor = ({ dtype, shape }: z.output<typeof tensor>, what: string): StoredTensor => {
    const length = shape.reduce((product, size) => product * size, BYTES[dtype]);
    return { dtype, shape, bytes: take(length, what) };
  };
  const { checksum, seed, latentShape } = head;
  const contextFrames = take(head.contextBytes, "the context");
  const latentBytes = latentShape.reduce((product, size) => product * size, 4);
  const nodes: TreeNode[] = [];
  for (const [node, { parent, action, settings }] of head.nodes.entries()) {
    const before = parent === undefined ? undefined : nodes[parent];
    if (node > 0 && before === undefined) throw bad(`node ${node} follows no node before it`);
    if (!settings && node > 0 && (parent !== node - 1 || before?.settings)) throw bad(`node ${node} has no settings`);
    nodes.push({
      ...{
        node,
        frame: before ? before.frame + 1 : 0,
        latent: new Float32Array(take(latentBytes, `node ${node}`).buffer),
      },
      ...(parent !== undefined && { parent }),
      ...(action && { action }),
      ...(settings && { settings }),
    });
  }
  const scene = Object.fromEntries(
    head.scene.map(({ name, ...stored }) => [name, takeTensor(stored, `scene.${name}`)]),
  );
  const memories = head.memories.map(({ tensors, ...memory }): StoredMemory => {
    if (nodes[memory.node] === undefined) throw bad(`it has a memory of node ${memory.node}, which it has not`);
    return { ...memory, tensors: tensors.map((stored) => takeTensor(stored, `a memory of node ${memory.node}`)) };
  });
  if (at !== body.length) throw bad(`${body.length - at} bytes are left over`);
  return { checksum, seed, contextFrames, latentShape, nodes, scene, memories };
}

function headOf(text: Buffer): z.output<typeof headSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text.toString("utf8"));
  } catch {
    throw bad("its head is no JSON");
  }
  const parsed = headSchema.safeParse(value);
  if (!parsed.success) throw bad(`its head does not fit: ${z.prettifyError(parsed.error)}`);
  const [first] = parsed.data.nodes;
  if (first?.parent !== undefined || first?.settings) throw bad("its first node is no context frame");
  return parsed.data;
}

const bad = (what: string): EngineError => new EngineError("bad-snapshot", `snapshot: ${what}`);
