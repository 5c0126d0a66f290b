import type { RegisterFunction, RegisterImage } from '../../pointmap/types.ts'

export interface ImagePage {
  readonly function: RegisterFunction
  readonly address: number
  readonly words: ArrayLike<number>
}

export interface FillableImage extends RegisterImage {
  put(page: ImagePage): void
}

/** The registers that reads have brought, as the pages they came in; a later page hides an earlier one. */
export function createImage(): FillableImage {
  const pages: ImagePage[] = []
  let last: ImagePage | undefined

  const holds = (page: ImagePage, fn: RegisterFunction, address: number): boolean =>
    page.function === fn && address >= page.address && address < page.address + page.words.length

  return {
    put(page) {
      const same = pages.findIndex(
        (old) =>
          old.function === page.function && old.address === page.address && old.words.length === page.words.length,
      )
      if (same >= 0) pages.splice(same, 1)
      pages.unshift(page)
      last = undefined
    },
    word(fn, address) {
      // Neighbouring points are decoded one after the other.
      if (!last || !holds(last, fn, address)) last = pages.find((page) => holds(page, fn, address))
      return last?.words[address - last.address]
    },
  }
}
