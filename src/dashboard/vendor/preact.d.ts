// The types of the library that the server answers at this address (src/api/dashboard-files.ts).
export * from 'preact';
