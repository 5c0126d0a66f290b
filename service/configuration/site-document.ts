import { site, type Site } from '#contract/site.ts'
import { parseYamlWith } from '../domain/yaml-document.ts'
import type { YamlProblem, YamlSource } from '../domain/yaml-source.ts'

export type SiteParsed =
  | {
      readonly site: Site
      readonly source: YamlSource
      /** Version of the format that the file is written in. */
      readonly fromVersion: number
      /** What was migrated on reading, one sentence each. */
      readonly notes: readonly string[]
      readonly problems?: undefined
    }
  | { readonly problems: readonly YamlProblem[]; readonly site?: undefined }

/** Reads the text of a site file; never throws for what it contains. */
export function parseSite(text: string, file: string): SiteParsed {
  const parsed = parseYamlWith(site, text, file)
  if (parsed.problems) return parsed
  return { site: parsed.value, source: parsed.source, fromVersion: parsed.value.version, notes: [] }
}
