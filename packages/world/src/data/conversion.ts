// What all conversions of published data have in common: how they are told to go on, and what they report.

/** Options of a conversion. */
export interface ConversionOptions {
  /** Folder of originals, or one of them. */
  readonly input: string;
  /** Folder that gets the converted data. */
  readonly output: string;
  /** End at the first original that is not as it should be. Default: go on, and report it. */
  readonly strict?: boolean;
  readonly onProgress?: (progress: ConversionProgress) => void;
  readonly signal?: AbortSignal;
}

/** How far a conversion is. */
export interface ConversionProgress {
  /** In bytes of the originals. */
  readonly total: number;
  readonly done: number;
  /** What was finished last. */
  readonly item: string;
}

/** What a conversion did. */
export interface ConversionReport {
  /** Episodes written now. */
  readonly written: number;
  /** Episodes that an earlier run had finished. */
  readonly kept: number;
  /** Originals, or parts of them, that could not be used: each error names its file. */
  readonly problems: readonly Error[];
}
