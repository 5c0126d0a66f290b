const radian = Math.PI / 180
const dayMs = 86_400_000
const j2000Ms = Date.UTC(2000, 0, 1, 12)

export interface SunPosition {
  /** Height above the horizon, -90 to 90 degrees. */
  readonly elevationDeg: number
  /** Clockwise from north, 0 to 360 degrees. */
  readonly azimuthDeg: number
}

/**
 * Where the sun stands, within about 0.05 degrees between 1950 and 2050.
 * Low-precision formulas of the Astronomical Almanac; longitude > 0 east.
 */
export function sunPosition(atMs: number, latitudeDeg: number, longitudeDeg: number): SunPosition {
  const days = (atMs - j2000Ms) / dayMs
  const meanLongitude = 280.46 + 0.9856474 * days
  const meanAnomaly = (357.528 + 0.9856003 * days) * radian
  const ecliptic = (meanLongitude + 1.915 * Math.sin(meanAnomaly) + 0.02 * Math.sin(2 * meanAnomaly)) * radian
  const obliquity = (23.439 - 4e-7 * days) * radian
  const declination = Math.asin(Math.sin(obliquity) * Math.sin(ecliptic))
  const rightAscension = Math.atan2(Math.cos(obliquity) * Math.sin(ecliptic), Math.cos(ecliptic))
  const siderealDeg = 280.46062 + 360.98564737 * days + longitudeDeg
  const hourAngle = siderealDeg * radian - rightAscension
  const latitude = latitudeDeg * radian
  const elevation = Math.asin(
    Math.sin(latitude) * Math.sin(declination) + Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle),
  )
  const azimuth = Math.atan2(
    -Math.sin(hourAngle),
    Math.tan(declination) * Math.cos(latitude) - Math.sin(latitude) * Math.cos(hourAngle),
  )
  return { elevationDeg: elevation / radian, azimuthDeg: (azimuth / radian + 360) % 360 }
}

/** Cosine of the angle between the sun and the normal of a tilted plane; 0 when the sun is behind it or set. */
export function incidence(sun: SunPosition, tiltDeg: number, azimuthDeg: number): number {
  if (sun.elevationDeg <= 0) return 0
  const elevation = sun.elevationDeg * radian
  const cosine =
    Math.sin(elevation) * Math.cos(tiltDeg * radian) +
    Math.cos(elevation) * Math.sin(tiltDeg * radian) * Math.cos((sun.azimuthDeg - azimuthDeg) * radian)
  return Math.max(0, cosine)
}

/** Global horizontal irradiance under a clear sky, W/m² (Haurwitz 1945). */
export function clearSkyWm2(sun: SunPosition): number {
  const cosZenith = Math.sin(sun.elevationDeg * radian)
  return cosZenith <= 0 ? 0 : 1098 * cosZenith * Math.exp(-0.057 / cosZenith)
}
