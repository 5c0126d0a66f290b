import { createHash } from 'node:crypto'
import { site as siteSchema } from '#contract/site.ts'
import { parseYamlWith } from '../../domain/yaml-document.ts'

/**
 * SHA-256 of what a site file means for a check: comments, order of keys and what is marked as verified do not count, because marking
 * it is what checks lead to. Made anew only when the text has changed.
 */
export function createSiteMeaning(text: () => string): () => string {
  let known: { readonly text: string; readonly hash: string } | undefined
  return () => {
    const now = text()
    if (known?.text !== now) {
      const parsed = parseYamlWith(siteSchema, now, 'site.yaml')
      const meaning = parsed.problems
        ? now
        : JSON.stringify({
            ...parsed.value,
            devices: parsed.value.devices.map(({ verified: _verified, ...device }) => device),
          })
      known = { text: now, hash: createHash('sha256').update(meaning).digest('hex') }
    }
    return known.hash
  }
}
