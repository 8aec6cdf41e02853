// `--set`: one form for all commands that read a configuration.
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";

/**
 * Takes one setting or several, and may be repeated. A word without "=" is refused by name: it is most likely the configuration, which
 * stands before the options.
 */
export function setOption(description: string) {
  return new Option("--set <setting=value...>", description).argParser(
    (value: string, before: string[] | undefined): string[] => {
      if (!/^[^=]+=/.test(value))
        throw new InvalidArgumentError(`${value} is no setting=value; give the configuration before --set.`);
      return [...(before ?? []), value];
    },
  );
}
