# Waybill alone; it needs DATABASE_URL (docker-compose.yml brings a PostgreSQL).
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /waybill ./cmd/waybill

# Alpine for its wget, which asks /readyz; the binary needs nothing.
FROM alpine:3
COPY --from=build /waybill /usr/local/bin/waybill
RUN mkdir -m 0700 /data && chown 65532:65532 /data
USER 65532:65532
ENV WAYBILL_ADDR=:8080 WAYBILL_LOG_FORMAT=json WAYBILL_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
	CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["waybill"]
CMD ["serve"]
