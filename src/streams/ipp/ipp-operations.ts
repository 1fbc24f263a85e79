// The numbers of IPP operations, states and statuses that are told apart here.

/** RFC 8011 section 5.4.15. */
export const OPERATION = {
  printJob: 0x02,
  validateJob: 0x04,
  createJob: 0x05,
  sendDocument: 0x06,
  cancelJob: 0x08,
  getJobAttributes: 0x09,
  getJobs: 0x0a,
  getPrinterAttributes: 0x0b,
} as const;

/** RFC 8011 appendix B. */
export const STATUS = {
  ok: 0x0000,
  notAuthorized: 0x0403,
  notPossible: 0x0404,
  notFound: 0x0406,
  formatNotSupported: 0x040a,
  busy: 0x0507,
  multipleDocumentsNotSupported: 0x0509,
} as const;

/** RFC 8011 section 5.3.7. */
export const JOB_STATE = { pending: 3, processing: 5 } as const;

/** RFC 8011 section 5.4.11. */
export const PRINTER_STATE = { idle: 3, processing: 4, stopped: 5 } as const;
