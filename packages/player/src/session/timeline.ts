// The tree of a session's frames, cut into branches: the first child of a frame goes on its branch, every other one begins a new branch.
import type { SessionNode } from "../protocol.js";

/** Frames in a row without a fork between them. */
export interface Branch {
  readonly id: number;
  /** The branch it left; undefined for the first. */
  readonly parent: number | undefined;
  /** Number of its first frame. */
  readonly firstFrame: number;
  /** Its nodes, one per frame. */
  readonly nodes: readonly number[];
}

interface GrowingBranch extends Branch {
  readonly nodes: number[];
}

/** A tree of frames that grows. */
export interface Timeline {
  /** Nodes in all. */
  readonly size: number;
  readonly branches: readonly Branch[];
  /** Adds a node; one that is there is left as it is, its action filled in where it had none. Its parent must have been added before. */
  add(node: SessionNode): void;
  get(node: number): SessionNode | undefined;
  /** How many of its nodes another tree of the same session has not, or has otherwise. */
  lostIn(other: Timeline): number;
  branchOf(node: number): Branch | undefined;
  /** The node at a frame on the way from the root to the end of a branch; undefined beyond it. */
  at(branch: number, frame: number): number | undefined;
  /** Last node of a branch. */
  tip(branch: number): number | undefined;
  /** The branches from the first one to this, each with the last frame that belongs to the way (inclusive). */
  way(branch: number): { readonly branch: Branch; readonly lastFrame: number }[];
}

/** A tree without frames. */
export function createTimeline(): Timeline {
  const nodes = new Map<number, SessionNode>();
  const branchOfNode = new Map<number, number>();
  const branches: GrowingBranch[] = [];

  const lastFrame = ({ firstFrame, nodes }: Branch): number => firstFrame + nodes.length - 1;
  const branchOf = (node: number): GrowingBranch | undefined => branches[branchOfNode.get(node) ?? -1];

  return {
    get size() {
      return nodes.size;
    },
    branches,
    add(node) {
      const known = nodes.get(node.node);
      if (known !== undefined) {
        nodes.set(node.node, { ...node, ...known });
        return;
      }
      nodes.set(node.node, node);
      const before = node.parent === undefined ? undefined : branchOf(node.parent);
      if (before !== undefined && before.nodes.at(-1) === node.parent) {
        before.nodes.push(node.node);
        branchOfNode.set(node.node, before.id);
        return;
      }
      const id = branches.length;
      branches.push({ id, parent: before?.id, firstFrame: node.frame, nodes: [node.node] });
      branchOfNode.set(node.node, id);
    },
    get: (node) => nodes.get(node),
    lostIn: (other) => [...nodes.values()].filter((node) => !isSame(node, other.get(node.node))).length,
    branchOf,
    at(id, frame) {
      let branch = branches[id];
      while (branch !== undefined && frame < branch.firstFrame) branch = branches[branch.parent ?? -1];
      return branch?.nodes[frame - branch.firstFrame];
    },
    tip: (id) => branches[id]?.nodes.at(-1),
    way(id) {
      const way = [];
      let branch = branches[id];
      let end = branch === undefined ? -1 : lastFrame(branch);
      while (branch !== undefined) {
        way.unshift({ branch, lastFrame: end });
        end = branch.firstFrame - 1;
        branch = branches[branch.parent ?? -1];
      }
      return way;
    },
  };
}

/** Whether two nodes of the same number show the same: what led there is the same. Frames carry their actions as 32-bit floats. */
function isSame(a: SessionNode, b: SessionNode | undefined): boolean {
  const action = (node: SessionNode): string => (node.action ?? []).map(Math.fround).join();
  return b !== undefined && a.parent === b.parent && a.frame === b.frame && action(a) === action(b);
}
