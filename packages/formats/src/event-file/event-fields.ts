// The numbers that protocol buffers have in place of names, for what this folder reads and writes of tensorflow.Event.

/** Field numbers of tensorflow.Event. */
export const event = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
/** Field numbers of Summary.Value. */
export const value = { tag: 1, scalar: 2, image: 4, tensor: 8, metadata: 9 } as const;
/** Field numbers of Summary.Image. */
export const image = { height: 1, width: 2, colours: 3, encoded: 4 } as const;
/** Field numbers of SummaryMetadata and its PluginData. */
export const metadata = { plugin: 1, pluginName: 1 } as const;
/** Field numbers of TensorProto and its shape, and the number of its type for strings. */
export const tensor = { dtype: 1, shape: 2, strings: 8, dimension: 2, size: 1, dtString: 7 } as const;
/** Field numbers of SessionLog, and the number of its status START. */
export const sessionLog = { status: 1, start: 1 } as const;
/** Colours of a Summary.Image without transparency. */
export const RGB = 3;
