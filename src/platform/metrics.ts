// The port behind `/metrics`: one page in the text format of Prometheus.

export interface MetricsPage {
  readonly contentType: string;
  /** As of now. */
  render(): Promise<string>;
}
