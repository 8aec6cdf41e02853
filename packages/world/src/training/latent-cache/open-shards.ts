// The files of latents that are open: as many as are in use and some more, however many there are.
import { openSafetensors, type SafetensorsFile } from "@vid2world/formats";

/** An open file with the checksums of its frames. */
export interface OpenShard {
  readonly file: SafetensorsFile;
  readonly momentSums: Uint32Array;
  /** Empty in a file without tokens. */
  readonly tokenSums: Uint32Array;
}

/** Opens files when they are used. */
export interface OpenShards {
  use<T>(path: string, body: (shard: OpenShard) => Promise<T>): Promise<T>;
  /** Files in use are closed by their last user. */
  close(): Promise<void>;
}

interface Entry {
  readonly shard: Promise<OpenShard>;
  users: number;
}

/** Files kept open: below the 1,024 that systems allow by default, with the workers' beside them. */
const LIMIT = 128;

/** Keeps the files open that were used last. */
export function openShards(limit = LIMIT): OpenShards {
  const entries = new Map<string, Entry>(); // the one that was used last comes last

  let closing = false;
  const shrink = async (most: number): Promise<void> => {
    for (const [path, { shard, users }] of entries) {
      if (entries.size <= most) return;
      if (users > 0) continue;
      entries.delete(path);
      await (await shard).file.close();
    }
  };
  return {
    async use(path, body) {
      const entry = entries.get(path) ?? { shard: openShard(path), users: 0 };
      entries.delete(path);
      entries.set(path, entry);
      entry.users++;
      try {
        return await body(await entry.shard);
      } catch (error) {
        await entry.shard.catch(() => entries.delete(path)); // one that did not open is tried again
        throw error;
      } finally {
        entry.users--;
        await shrink(closing ? 0 : limit);
      }
    },
    close() {
      closing = true;
      return shrink(0);
    },
  };
}

async function openShard(path: string): Promise<OpenShard> {
  const file = await openSafetensors(path);
  try {
    const sums = async (name: string): Promise<Uint32Array> =>
      file.tensors.has(name) ? new Uint32Array((await file.read(name)).buffer) : new Uint32Array(0);
    return { file, momentSums: await sums("moments.crc32"), tokenSums: await sums("tokens.crc32") };
  } catch (error) {
    await file.close();
    throw error;
  }
}
