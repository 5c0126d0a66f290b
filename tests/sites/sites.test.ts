import { describe, expect, it } from 'vitest'
import { loadCases } from './support/load-cases.ts'
import { runCase } from './support/run-case.ts'

for (const { file, cases } of loadCases('cases')) {
  describe(file, () => {
    for (const siteCase of cases)
      it(siteCase.name, () => {
        expect(runCase(siteCase), `${file}, "${siteCase.name}"`).toEqual([])
      })
  })
}
