// Every channel as a slider: values set here stay until they are reset.
import type { JSX } from "preact";
import { type Bins, findBins, rangeOf, readable, usualRange } from "../input/channels.js";
import type { Channel } from "../protocol.js";
import { usePlayer } from "./context.js";

type Continuous = Extract<Channel, { kind: "continuous" }>;

/** Share of a slider's way on both sides of rest that is rest: it is hard to hit otherwise. */
const DETENT = 0.015;

/** Sliders of all continuous channels, closed until they are wanted; a movement in bins has one slider for all of them. */
export function ChannelSliders(): JSX.Element | null {
  const { state, pilot } = usePlayer();
  const channels = state.world.value?.channels ?? [];
  const bins = findBins(channels);
  const binned = new Set(bins.flatMap(({ bins: some }) => some.map(({ channel }) => channel)));
  const continuous = channels.flatMap((channel, i) =>
    channel.kind === "continuous" && !binned.has(i) ? [{ channel, i }] : [],
  );
  if (continuous.length + bins.length === 0) return null;
  return (
    <details class="sliders">
      <summary>
        Every channel by hand
        {pilot.latched.value.size > 0 && <b>: not all at rest</b>}
      </summary>
      {continuous.map(({ channel, i }) => (
        <ChannelSlider key={channel.name} channel={channel} index={i} />
      ))}
      {bins.map((group) => (
        <BinSlider key={group.name} group={group} />
      ))}
      <button
        disabled={pilot.latched.value.size === 0}
        onClick={() => pilot.latch([...pilot.latched.value.keys()].map((i) => [i, undefined]))}
      >
        All to rest
      </button>
    </details>
  );
}

function ChannelSlider({ channel, index }: { readonly channel: Continuous; readonly index: number }): JSX.Element {
  const { pilot } = usePlayer();
  const { rest, unit, description } = channel;
  const [least, most] = rangeOf(channel);
  const [low, high] = usualRange(channel);
  const value = pilot.latched.value.get(index) ?? rest;
  const set = (next: number): void => {
    if (Number.isFinite(next))
      pilot.latch([[index, next === rest ? undefined : Math.min(most, Math.max(least, next))]]);
  };
  const drag = (next: number): void => set(Math.abs(next - rest) < DETENT * (high - low) ? rest : next);
  return (
    <div class="field" title={[description, unit && `1 is: ${unit}`].filter(Boolean).join("; ")}>
      <span class="label">{readable(channel.name)}</span>
      <span class="slider">
        <input
          type="range"
          aria-label={readable(channel.name)}
          step="any"
          min={low}
          max={high}
          value={value}
          onInput={(event) => drag(Number(event.currentTarget.value))}
          onDblClick={() => set(rest)}
        />
        <input
          type="number"
          aria-label={`${readable(channel.name)}, exact value`}
          step="any"
          min={least}
          max={most}
          value={Number(value.toFixed(4))}
          onChange={(event) => set(Number(event.currentTarget.value))}
        />
      </span>
    </div>
  );
}

/** The bin that is on: one of them always is. */
function BinSlider({ group: { name, bins } }: { readonly group: Bins }): JSX.Element {
  const { pilot } = usePlayer();
  const still = bins.findIndex(({ pixels }) => pixels === 0);
  const chosen = bins.findIndex(({ channel }) => pilot.latched.value.get(channel) === 1);
  const place = chosen < 0 ? still : chosen;
  const words = `${bins[place]?.pixels ?? 0} px`.replace("-", "−");
  const choose = (next: number): void =>
    pilot.latch(bins.map(({ channel }, i) => [channel, next === still ? undefined : i === next ? 1 : 0]));
  return (
    <div class="field" title="What a mouse moves in one frame, in the steps that the world knows">
      <span class="label">{readable(name)}</span>
      <span class="slider">
        <input
          type="range"
          aria-label={readable(name)}
          aria-valuetext={words}
          min={0}
          max={bins.length - 1}
          value={place}
          onInput={(event) => choose(Number(event.currentTarget.value))}
          onDblClick={() => choose(still)}
        />
        <output class="wide-output">{words}</output>
      </span>
    </div>
  );
}
