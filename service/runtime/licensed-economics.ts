import type { Site } from '#contract/site.ts'
import { compileSite, type SiteCommands, type SiteModel } from '../domain/site-model.ts'

/**
 * The same site with economic control off: fuses, limits, signals, reserves and what people ask for are untouched (S8), and so are
 * ramps, along which batteries come to rest.
 */
export function withoutEconomics(site: Site, why: string): Site {
  const { currency, importPrice, exportPrice, wearPrice } = site.economics
  return { ...site, economics: { currency, importPrice, exportPrice, wearPrice, off: why } }
}

/** What control and captures run with: the site, or the site without economics while a licence is missing. */
export interface LicensedEconomics {
  /** The site as it acts. */
  site(): Site
  /** As a site would act at present. */
  compile(site: Site): SiteModel
  /** Goes on with another site. */
  use(site: Site): void
  /** Looks again whether economics are refused. */
  refresh(): void
}

export function createLicensedEconomics(options: {
  site: Site
  commands: SiteCommands
  /** Why economic control is refused at present, or undefined. */
  obstacle(): string | undefined
  /** Takes another variant into use, from the next cycle on. */
  use(acting: Site, model: SiteModel): void
}): LicensedEconomics {
  const { commands, obstacle, use } = options
  let { site } = options
  let refused = obstacle()
  const acting = (of: Site): Site => (refused === undefined ? of : withoutEconomics(of, refused))
  const take = (): void => {
    const next = acting(site)
    use(next, compileSite(next, commands))
  }

  return {
    site: () => acting(site),
    compile: (of) => compileSite(acting(of), commands),
    use(next) {
      site = next
      take()
    },
    refresh() {
      const now = obstacle()
      if (now === refused) return
      refused = now
      take()
    },
  }
}
