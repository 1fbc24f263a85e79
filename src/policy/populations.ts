// Who uses a platform, as the generator draws them. Each number is a source's or an assumption: docs/savings.md says which.

export interface Population {
  readonly name: string;
  readonly people: number;
  /** Mean arrival, minutes since midnight; its deviation between people and, of one person, between days. */
  readonly arriveMin: number;
  readonly arriveBetweenPeopleMin: number;
  readonly arriveBetweenDaysMin: number;
  readonly arriveWeekendSpreadMin: number;
  readonly weekendLaterMin: number;
  /** From arrival to leaving. */
  readonly stayMin: number;
  readonly staySpreadMin: number;
  readonly stayWeekendMin: number;
  readonly presentWorkday: number;
  readonly presentWeekend: number;
  /** Chance of a lunch away from the desk, its mean begin and length. */
  readonly lunches: number;
  readonly lunchMin: number;
  readonly lunchLengthMin: number;
  /** Chance of a meeting in each hour from 9 on; which share of the people it takes is drawn evenly. */
  readonly meetings: readonly number[];
  /** Share of people who have another session in the evening at times, from home or at the bench, and how often they have. */
  readonly eveningPeople: number;
  readonly eveningWorkday: number;
  readonly eveningWeekend: number;
  readonly eveningMin: number;
  readonly eveningSpreadMin: number;
  readonly eveningLengthMin: number;
  /** Share of people who usually leave their session open, and how often they and the others do. */
  readonly stragglers: number;
  readonly leavesOpenStraggler: number;
  readonly leavesOpenOther: number;
  /** Chances per day. A vacation lasts 5 to 14 days. */
  readonly holidays: number;
  readonly vacationStarts: number;
  readonly burstMedianS: number;
  readonly burstSigma: number;
  readonly shortGaps: number;
  readonly shortGapS: number;
  readonly shortGapSigma: number;
  readonly longGapS: number;
  readonly longGapSigma: number;
  readonly jobs: readonly GeneratedJob[];
  /** What is in calendars beside meetings: an absence that was planned, per day of it; an entry that came to nothing, per day of presence. */
  readonly absenceIsEntered: number;
  readonly cancelledStays: number;
}

export interface GeneratedJob {
  readonly name: string;
  readonly chance: number;
  readonly atMin: number;
  readonly spreadMin: number;
  readonly lengthMin: number;
}

const OFFICE: Omit<Population, 'name' | 'people'> = {
  arriveMin: 8 * 60 + 30,
  arriveBetweenPeopleMin: 40,
  arriveBetweenDaysMin: 15,
  arriveWeekendSpreadMin: 90,
  weekendLaterMin: 120,
  stayMin: 8.5 * 60,
  staySpreadMin: 35,
  stayWeekendMin: 90,
  presentWorkday: 0.85,
  presentWeekend: 0.03,
  lunches: 0.85,
  lunchMin: 12 * 60 + 15,
  lunchLengthMin: 40,
  meetings: [0.25, 0.3, 0.2, 0, 0.25, 0.25, 0.2],
  eveningPeople: 0.25,
  eveningWorkday: 0.24,
  eveningWeekend: 0.16,
  eveningMin: 20 * 60 + 30,
  eveningSpreadMin: 50,
  eveningLengthMin: 30,
  stragglers: 0.5,
  leavesOpenStraggler: 0.85,
  leavesOpenOther: 0.1,
  holidays: 0.035,
  vacationStarts: 0.008,
  burstMedianS: 150,
  burstSigma: 1,
  shortGaps: 0.82,
  shortGapS: 50,
  shortGapSigma: 0.6,
  longGapS: 540,
  longGapSigma: 0.6,
  jobs: [{ name: 'backup', chance: 1, atMin: 2 * 60, spreadMin: 1, lengthMin: 25 }],
  absenceIsEntered: 0.35,
  cancelledStays: 0.15,
};

/** The four populations of the targets. */
export const POPULATIONS = {
  office20: { ...OFFICE, name: 'office20', people: 20 },
  office6: { ...OFFICE, name: 'office6', people: 6 },
  lab8: {
    ...OFFICE,
    name: 'lab8',
    people: 8,
    arriveMin: 9 * 60 + 45,
    arriveBetweenPeopleMin: 60,
    arriveBetweenDaysMin: 40,
    arriveWeekendSpreadMin: 150,
    stayMin: 8.5 * 60,
    staySpreadMin: 70,
    stayWeekendMin: 150,
    presentWorkday: 0.8,
    presentWeekend: 0.12,
    lunchMin: 12 * 60 + 45,
    eveningPeople: 0.6,
    eveningWorkday: 0.4,
    eveningWeekend: 0.25,
    eveningMin: 21 * 60,
    eveningSpreadMin: 70,
    eveningLengthMin: 60,
    jobs: [
      { name: 'nightly-build', chance: 0.9, atMin: 60, spreadMin: 2, lengthMin: 50 },
      { name: 'build', chance: 0.4, atMin: 20 * 60, spreadMin: 100, lengthMin: 30 },
    ],
  },
  home4: {
    ...OFFICE,
    name: 'home4',
    people: 4,
    arriveMin: 16 * 60 + 30,
    arriveBetweenPeopleMin: 75,
    arriveBetweenDaysMin: 50,
    arriveWeekendSpreadMin: 120,
    weekendLaterMin: -300,
    stayMin: 100,
    staySpreadMin: 40,
    stayWeekendMin: 160,
    presentWorkday: 0.65,
    presentWeekend: 0.7,
    lunches: 0,
    meetings: [],
    eveningPeople: 1,
    eveningWorkday: 0.5,
    eveningWeekend: 0.55,
    eveningMin: 20 * 60 + 15,
    eveningSpreadMin: 45,
    eveningLengthMin: 70,
    stragglers: 0.5,
    holidays: 0.03,
    vacationStarts: 0.004,
    jobs: [{ name: 'backup', chance: 1, atMin: 3 * 60, spreadMin: 1, lengthMin: 15 }],
    absenceIsEntered: 0,
    cancelledStays: 0,
  },
} as const satisfies Record<string, Population>;

export type PopulationName = keyof typeof POPULATIONS;
