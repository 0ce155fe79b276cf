FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /vseeid ./cmd/vseeid

# No shell, no package manager, not root. The binary needs certificates and time zones, which are here.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /vseeid /usr/local/bin/vseeid
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/vseeid"]
CMD ["serve"]
