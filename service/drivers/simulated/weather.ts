import { smoothNoise, smoothStep } from './noise.ts'
import { clearSkyWm2, incidence, type SunPosition, sunPosition } from './sun.ts'

export interface Place {
  /** North positive, -90 to 90. */
  readonly latitudeDeg: number
  /** East positive, -180 to 180. */
  readonly longitudeDeg: number
  /** Of the PV modules, 0 is flat. */
  readonly tiltDeg: number
  /** Where the modules look, clockwise from north. */
  readonly azimuthDeg: number
}

export interface Weather {
  readonly sun: SunPosition
  /** On a horizontal surface. */
  readonly irradianceWm2: number
  /** In the plane of the PV modules. */
  readonly planeIrradianceWm2: number
  /** Of the air. */
  readonly temperatureC: number
  /** Of the modules. */
  readonly moduleTemperatureC: number
  readonly windSpeedMs: number
  readonly windDirectionDeg: number
  readonly humidityPercent: number
  readonly pressurePa: number
}

const channel = { cover: 1, cloud: 2, cloudDetail: 3, temperature: 4, wind: 5, gust: 6, direction: 7, pressure: 8 }

/** Share of direct sunlight that passes, 0 to 1: separate clouds that drift by, more or fewer of them over hours. */
function cloudTransmission(seed: number, timeS: number): number {
  const cover = smoothNoise(seed, channel.cover, timeS, 5400)
  const shape =
    0.75 * smoothNoise(seed, channel.cloud, timeS, 70) + 0.25 * smoothNoise(seed, channel.cloudDetail, timeS, 19)
  return 1 - 0.75 * smoothStep((shape - (0.68 - 0.25 * cover)) / 0.2)
}

/** The weather at one instant: a pure function of seed, time and place. */
export function weatherAt(seed: number, atMs: number, place: Place): Weather {
  const timeS = atMs / 1000
  const sun = sunPosition(atMs, place.latitudeDeg, place.longitudeDeg)
  const clearWm2 = clearSkyWm2(sun)
  const transmission = cloudTransmission(seed, timeS)
  // 15 % of clear sky light is diffuse; clouds turn part of what they take from the beam into diffuse light.
  const beamHorizontalWm2 = 0.85 * clearWm2 * transmission
  const diffuseWm2 = 0.15 * clearWm2 * (1 + 0.8 * (1 - transmission))
  const sinElevation = Math.sin((Math.max(2, sun.elevationDeg) * Math.PI) / 180)
  const beamWm2 = beamHorizontalWm2 / sinElevation
  const planeIrradianceWm2 = beamWm2 * incidence(sun, place.tiltDeg, place.azimuthDeg) + diffuseWm2
  const solarHour = (atMs / 3_600_000 + place.longitudeDeg / 15) % 24
  const warmth = Math.cos(((solarHour - 15) / 12) * Math.PI)
  const temperatureC = 16 + 6 * warmth + 3 * (smoothNoise(seed, channel.temperature, timeS, 7200) - 0.5)
  const windSpeedMs =
    1 + 4 * smoothNoise(seed, channel.wind, timeS, 1200) + 2 * smoothNoise(seed, channel.gust, timeS, 8)
  return {
    sun,
    irradianceWm2: beamHorizontalWm2 + diffuseWm2,
    planeIrradianceWm2,
    temperatureC,
    moduleTemperatureC: temperatureC + (0.032 * planeIrradianceWm2) / (1 + 0.1 * windSpeedMs),
    windSpeedMs,
    windDirectionDeg: (200 + 90 * smoothNoise(seed, channel.direction, timeS, 900)) % 360,
    humidityPercent: 62 - 18 * warmth,
    pressurePa: 101_325 + 800 * (smoothNoise(seed, channel.pressure, timeS, 14_400) - 0.5),
  }
}
