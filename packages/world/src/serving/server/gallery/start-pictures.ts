// The pictures by which starts are chosen: made once each, one after the other, beginning before a page asks for them. A start in a video takes
// a decoder's process, and a page asks for all at once, beside a game perhaps.

import type { EngineWorld } from "../../engine.js";
import { encodePicture } from "../frame-encoder.js";
import type { Gallery } from "./gallery.js";

/** The newest frame of each start, as a JPEG. */
export class StartPictures {
  readonly #gallery: Gallery;
  readonly #world: EngineWorld;
  readonly #pictures = new Map<string, Promise<Uint8Array>>();
  #line: Promise<unknown> = Promise.resolve();

  constructor(gallery: Gallery, world: EngineWorld) {
    this.#gallery = gallery;
    this.#world = world;
  }

  /** Makes all of them in the background; what fails is tried again when it is asked for. */
  prepare(): void {
    for (const { id } of this.#gallery.entries) this.of(id).catch(() => undefined);
  }

  /** The picture of a start of the gallery. */
  of(id: string): Promise<Uint8Array> {
    const known = this.#pictures.get(id);
    if (known) return known;
    const picture = this.#line.then(() => this.#make(id));
    this.#line = picture.catch(() => this.#pictures.delete(id));
    this.#pictures.set(id, picture);
    return picture;
  }

  async #make(id: string): Promise<Uint8Array> {
    const { frames } = await this.#gallery.start(id);
    const newest = frames.subarray(frames.length - this.#world.width * this.#world.height * 3);
    return encodePicture(newest, this.#world, "jpeg");
  }
}
