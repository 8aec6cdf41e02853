// Where to begin: frames of recordings, an own picture, a session that was saved.
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { GalleryEntry } from "../protocol.js";
import { usePlayer } from "./context.js";
import { Picture } from "./picture.js";

/** The gallery of starts. Files can be dropped anywhere on it. */
export function Gallery(): JSX.Element {
  const player = usePlayer();
  const { world, starts } = player.state;
  const [isOver, setOver] = useState(false);
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) void player.openFile(file);
  };
  return (
    <main
      class={`gallery ${isOver ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <h1>Where do you want to begin?</h1>
      {world.value?.description !== undefined && <p class="lead">{world.value.description}</p>}
      <ul class="starts">
        {starts.value.map((entry) => (
          <li key={entry.id}>
            <StartCard entry={entry} />
          </li>
        ))}
        <li>
          <FileCard />
        </li>
      </ul>
    </main>
  );
}

function StartCard({ entry }: { readonly entry: GalleryEntry }): JSX.Element {
  const player = usePlayer();
  const { world } = player.state;
  const { id, title, truthFrames } = entry;
  const seconds = Math.round(truthFrames / (world.value?.fps ?? 1));
  return (
    <button class="card" onClick={() => player.open({ start: { kind: "gallery", id } })}>
      <Picture
        load={async () => new Blob([await player.server.startPicture(id)], { type: "image/jpeg" })}
        of={id}
        label=""
      />
      <span class="title">{title}</span>
      {truthFrames > 0 && <span class="note">{seconds} s of what really happened to compare with</span>}
    </button>
  );
}

function FileCard(): JSX.Element {
  const player = usePlayer();
  const input = useRef<HTMLInputElement>(null);
  return (
    <button class="card file" onClick={() => input.current?.click()}>
      <span class="drop" aria-hidden="true">
        +
      </span>
      <span class="title">Your own picture or video</span>
      <span class="note">or a session that you saved. Drop it here, or click.</span>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="A picture, a video or a saved session"
        accept="image/*,video/*,application/json,.json"
        onClick={(event) => event.stopPropagation()}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file !== undefined) void player.openFile(file);
        }}
      />
    </button>
  );
}
