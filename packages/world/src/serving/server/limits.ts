// How much a server gives to its clients, together and each.

/** Limits of a server. All are checked before anything is allocated for the client. */
export interface ServingLimits {
  /** Sessions in the engine at once. Further ones wait in the queue; those saved to disk do not count. */
  readonly sessions: number;
  /** Sessions in the engine, and clients that wait for one, of one address. */
  readonly sessionsPerAddress: number;
  /** Sessions that one address may open or fork per minute. */
  readonly opensPerMinute: number;
  /** Clients that may wait for a session. */
  readonly queue: number;
  /** Nodes that a session's tree may hold, and bytes that they may take in the engine. */
  readonly frames: number;
  readonly treeBytes: number;
  /** Encoded pictures of past frames that all sessions together keep in memory, bytes. What is dropped is drawn again when asked for. */
  readonly pictureBytes: number;
  /** Largest upload, bytes, and largest picture in it, pixels. */
  readonly uploadBytes: number;
  readonly uploadPixels: number;
  /** Uploads on their way here or being decoded. */
  readonly uploadsAtOnce: number;
  /** Uploads kept in memory, all clients together; the oldest go first. */
  readonly uploads: number;
  /** Largest snapshot that may be sent back, bytes. */
  readonly snapshotBytes: number;
  /** Snapshots that may be on their way here at once, and to clients. */
  readonly restores: number;
  readonly snapshots: number;
  /** Seconds that decoding an upload may take. */
  readonly uploadSeconds: number;
  /** Largest message of a WebSocket client, bytes. */
  readonly messageBytes: number;
  /** Messages per second of a WebSocket client, on average; twice as many at once. */
  readonly messagesPerSecond: number;
  /** Steps and other requests of a session that may wait for their turn. */
  readonly waiting: number;
  /** WebSocket connections from one address. */
  readonly connectionsPerAddress: number;
  /** HTTP requests per minute from one address. */
  readonly requestsPerMinute: number;
  /** HTTP requests of one address that may be in work or unread at once. */
  readonly requestsAtOnce: number;
  /** Seconds that a request may take to arrive, and that an answer's bytes may lie unread. */
  readonly requestSeconds: number;
  readonly unreadSeconds: number;
  /** Seconds without a client after which a session goes to disk. */
  readonly idleSeconds: number;
  /** Days after which a session on disk is deleted. */
  readonly keptDays: number;
  /** Bytes that all saved sessions may take; the ones saved longest ago are deleted, once a minute. */
  readonly keptBytes: number;
}

/** Limits unless the operator says otherwise. */
export const usualLimits: ServingLimits = {
  sessions: 4,
  sessionsPerAddress: Infinity,
  opensPerMinute: 600,
  queue: 32,
  frames: 20_000,
  treeBytes: 64 * 2 ** 20,
  pictureBytes: 256 * 2 ** 20,
  uploadBytes: 32 * 2 ** 20,
  uploadPixels: 40_000_000,
  uploadsAtOnce: 16,
  uploads: 32,
  snapshotBytes: 256 * 2 ** 20,
  restores: 4,
  snapshots: 8,
  uploadSeconds: 20,
  messageBytes: 64 * 2 ** 10,
  messagesPerSecond: 500,
  waiting: 256,
  connectionsPerAddress: 128,
  requestsPerMinute: 3000,
  requestsAtOnce: 256,
  requestSeconds: 120,
  unreadSeconds: 60,
  idleSeconds: 120,
  keptDays: 7,
  keptBytes: 8 * 2 ** 30,
};
