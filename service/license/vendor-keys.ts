import type { LicenseKey } from '#contract/license.ts'

/**
 * What this program verifies licences with. Public by nature: the private halves are with the vendor and in no repository.
 * `r-emsctl license keygen` prints an entry for a new key; entries stay here for as long as their licences are to count.
 */
export const vendorKeys: readonly LicenseKey[] = [
  { id: 'r-ems-2026', algorithm: 'ed25519', publicKey: 'vELolnDmSivU3sIzsuFTwWgiUwyiAskJoxkvzmEvzwY=' },
]
