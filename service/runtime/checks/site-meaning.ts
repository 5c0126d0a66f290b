import { createHash } from 'node:crypto'
import { parseSite } from '../../configuration/site-document.ts'
import type { SiteText } from '../../deployment/site-text.ts'

/**
 * SHA-256 of what a site file means for a check: comments, order of keys and what is marked as verified do not count, because marking
 * it is what checks lead to. Made anew only when the text has changed.
 */
export function createSiteMeaning({ text, file }: Pick<SiteText, 'text' | 'file'>): () => string {
  let known: { readonly text: string; readonly hash: string } | undefined
  return () => {
    const now = text()
    if (known?.text !== now) {
      const parsed = parseSite(now, file)
      const meaning = parsed.problems
        ? now
        : JSON.stringify({
            ...parsed.site,
            devices: parsed.site.devices.map(({ verified: _verified, ...device }) => device),
          })
      known = { text: now, hash: createHash('sha256').update(meaning).digest('hex') }
    }
    return known.hash
  }
}
