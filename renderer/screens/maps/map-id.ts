const slug = (words: string): string =>
  words
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 38)

/** The name of the file of a map, maker/model; undefined where one of them has no letter or digit. */
export function mapIdOf(maker: string, model: string): string | undefined {
  const [first, second] = [slug(maker), slug(model)]
  return first === '' || second === '' ? undefined : `${first}/${second}`
}
