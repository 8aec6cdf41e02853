// Opens the networks of the metrics that are asked for. What is not on this machine is named, with the command that gets it; a metric
// without its weights is reported as not computed, never left out and never zero.
import { existsSync } from "node:fs";
import path from "node:path";
import { invalid } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import { sha256Of } from "../../weights/checksum.js";
import { WEIGHTS } from "../../weights/manifest.js";
import { findWeights, resolveWeights, weightPath } from "../../weights/root.js";
import { WeightsError } from "../../weights/weights-error.js";
import { type DreamSim, type DreamSimFiles, dreamSimFiles, loadDreamSim } from "../metrics/dreamsim.js";
import { type Lpips, type LpipsTrunk, loadLpips } from "../metrics/lpips.js";
import { type DreamSimKind, dreamSimForms } from "../networks/dreamsim-branches.js";
import type { FeatureNetwork } from "../networks/feature-network.js";
import { type I3dRange, loadI3d } from "../networks/i3d.js";
import { loadInception } from "../networks/inception.js";

/** Every metric, in the order of a report. */
export const metricNames = ["mse", "psnr", "ssim", "lpips", "dreamsim", "fid", "fvd"] as const;
/** One of {@link metricNames}. */
export type MetricName = (typeof metricNames)[number];

/** Metrics that need a network. */
export type NetworkMetric = Extract<MetricName, "lpips" | "dreamsim" | "fid" | "fvd">;

/** Networks that are there. Free them by `dispose`. */
export interface MetricNetworks extends Disposable {
  readonly lpips?: Lpips;
  readonly dreamsim?: DreamSim;
  readonly fid?: FeatureNetwork;
  readonly fvd?: FeatureNetwork;
  /** Why a metric that was asked for is not computed. */
  readonly missing: Readonly<Partial<Record<MetricName, string>>>;
  /** SHA-256 of every file of weights that was read, by its path. */
  readonly checksums: Readonly<Record<string, string>>;
  dispose(): void;
}

/** What is opened. */
export interface MetricNetworkOptions {
  readonly metrics: readonly MetricName[];
  readonly trunk: LpipsTrunk;
  readonly device?: Device | undefined;
  readonly i3dRange?: I3dRange | undefined;
  /** Which DreamSim; default `ensemble`, as published. */
  readonly dreamSim?: DreamSimKind | undefined;
  /** Folder of the weights; default: that of `vid2world weights`. */
  readonly weightsRoot?: string | undefined;
}

/** Opens what the metrics need. @throws CheckpointMismatchError or FormatError for a file that is there and wrong. */
export async function openMetricNetworks(options: MetricNetworkOptions): Promise<MetricNetworks> {
  const { metrics, trunk, device = "cpu", i3dRange = "published", dreamSim = "ensemble", weightsRoot } = options;
  const missing: Partial<Record<MetricName, string>> = {};
  const checksums: Record<string, string> = {};
  const opened: Disposable[] = [];
  const needed = filesOf({ trunk, dreamSim, weightsRoot });

  const open = async <T extends Disposable>(
    metric: NetworkMetric,
    load: (paths: readonly string[]) => Promise<T>,
  ): Promise<T | undefined> => {
    if (!metrics.includes(metric)) return undefined;
    const paths = foundOrMissing(needed[metric]);
    if (typeof paths === "string") return void (missing[metric] = paths);
    for (const file of paths) checksums[file] = await sha256Of(file);
    const network = await load(paths);
    opened.push(network);
    return network;
  };
  const dispose = (): void => {
    for (const network of opened) network[Symbol.dispose]();
  };
  try {
    const lpips = await open("lpips", ([file = "", heads = ""]) => loadLpips(trunk, { trunk: file, heads }, device));
    const dreamsim = await open("dreamsim", () => loadDreamSim(dreamSim, dreamSimPlace(dreamSim, weightsRoot), device));
    const fid = await open("fid", ([file = ""]) => loadInception(file, device));
    const fvd = await open("fvd", ([file = ""]) =>
      loadI3d(file, { device, range: i3dRange, sha256: knownChecksum("i3d"), found: checksums[file] }),
    );
    const networks = {
      ...(lpips && { lpips }),
      ...(dreamsim && { dreamsim }),
      ...(fid && { fid }),
      ...(fvd && { fvd }),
    };
    return { ...networks, missing, checksums, dispose, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** What the networks of these metrics lack on this machine: a reason by metric, and nothing for what could be opened. */
export function missingNetworks({
  metrics,
  trunk,
  dreamSim = "ensemble",
  weightsRoot,
}: MetricNetworkOptions): Partial<Record<MetricName, string>> {
  const needed = Object.entries(filesOf({ trunk, dreamSim, weightsRoot })) as [
    NetworkMetric,
    () => readonly string[],
  ][];
  return Object.fromEntries(
    needed.flatMap(([metric, files]) => {
      const found = metrics.includes(metric) ? foundOrMissing(files) : [];
      return typeof found === "string" ? [[metric, found]] : [];
    }),
  );
}

/** The files of each metric's network: the functions throw what is missing. */
function filesOf({
  trunk,
  dreamSim,
  weightsRoot,
}: Required<Pick<MetricNetworkOptions, "trunk">> & {
  readonly dreamSim: DreamSimKind;
  readonly weightsRoot: string | undefined;
}): Record<NetworkMetric, () => readonly string[]> {
  const weights = (name: string): string => resolveWeights(`weights:${name}`, weightsRoot);
  return {
    lpips: () => [weights(trunk === "vgg" ? "vgg16" : "alexnet"), weights(`lpips-${trunk}`)],
    dreamsim: () => unpackedFiles(dreamSim, dreamSimPlace(dreamSim, weightsRoot)),
    fid: () => [weights("inception-fid")],
    fvd: () => [weights("i3d")],
  };
}

/** The paths, or why one of them is not there. */
function foundOrMissing(files: () => readonly string[]): readonly string[] | string {
  try {
    return files();
  } catch (error) {
    if (error instanceof WeightsError && error.code === "MISSING") return error.message;
    throw error;
  }
}

/** DreamSim is published as archives, which are read from what they unpack to; DINO's own file lies elsewhere. */
function dreamSimPlace(kind: DreamSimKind, root: string | undefined): DreamSimFiles {
  const [archive] = findWeights(["dreamsim"]);
  if (!archive) throw invalid("weights", "a manifest that has dreamsim", "none");
  const needsDino = dreamSimForms[kind].branches.some(({ projected }) => projected === undefined);
  return {
    folder: path.dirname(weightPath(archive, root)),
    ...(needsDino && { dino: resolveWeights("weights:dino-vitb16", root) }),
  };
}

/** All files of a DreamSim. @throws WeightsError for one that is not there, and how to get it. */
function unpackedFiles(kind: DreamSimKind, place: DreamSimFiles): readonly string[] {
  const files = dreamSimFiles(kind, place);
  const absent = files.find((file) => !existsSync(file));
  if (absent === undefined) return files;
  const advice =
    kind === "ensemble"
      ? "this fetches and unpacks it: vid2world weights pull dreamsim"
      : `unpack dreamsim_${kind}_checkpoint.zip of https://github.com/ssundaram21/dreamsim/releases into ${place.folder}`;
  throw new WeightsError("MISSING", `${absent} is missing; ${advice}`);
}

/** A remark on every file that fits its network and is yet not the published one; `checksums` by path, as of {@link MetricNetworks}. */
export function foreignWeights(checksums: Readonly<Record<string, string>>, root?: string): string[] {
  return WEIGHTS.flatMap((file) => {
    const place = weightPath(file, root);
    const found = checksums[place];
    if (found === undefined || file.sha256 === undefined || found === file.sha256) return [];
    return [
      `${place} is not the published ${file.name}: its SHA-256 is ${found}, not ${file.sha256}; its numbers compare with no published ones; get that one with: vid2world weights pull ${file.name} --force`,
    ];
  });
}

function knownChecksum(name: string): string {
  const [file] = findWeights([name]);
  if (file?.sha256 === undefined) throw invalid("weights", `a manifest that states the SHA-256 of ${name}`, "none");
  return file.sha256;
}
