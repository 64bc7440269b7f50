package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	nethttp "net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/provider"
)

// Roles in x-roles that are not roles of an account.
const (
	rolePublic domain.Role = "public"
	roleAny    domain.Role = "any"
)

// operation is what the specification says about one route.
type operation struct {
	id, method, path string
	// roles may call it; rolePublic and roleAny stand alone.
	roles []domain.Role
	// standings of a provider that may call it.
	standings []provider.Standing
	// readModels are those a read waits for; none for writes.
	readModels names
	// takes are the media types of a body, in a stable order; none when there is none to be sent.
	takes []string
	// identifies is a public operation that shows more to whoever sends a token.
	identifies bool
	// tagged is a read whose answer has an ETag, and partial one that can answer with a part.
	tagged, partial bool
	// limit bounds what takes longer than others; 0 is as them.
	limit  time.Duration
	params []*parameter
}

func (op *operation) public() bool { return slices.Contains(op.roles, rolePublic) }

// takesMedia says whether the operation takes a body of a media type.
func (op *operation) takesMedia(media string) bool { return slices.Contains(op.takes, media) }

// takesFile says whether the body is a file, and not JSON.
func (op *operation) takesFile() bool {
	return len(op.takes) > 0 && !op.takesMedia(echo.MIMEApplicationJSON)
}

// timeout bounds everything the operation does.
func (op *operation) timeout() time.Duration {
	if op.limit > 0 {
		return op.limit
	}
	if op.takesFile() {
		return uploadTimeout + operationTimeout
	}
	return operationTimeout
}

var loaded = sync.OnceValues(loadOperations)

// NeededReadModels are those that some operation reads, in a stable order.
func NeededReadModels() ([]string, error) {
	operations, err := loaded()
	return needed(operations), err
}

func needed(operations map[string]*operation) []string {
	var names []string
	for _, op := range operations {
		for _, model := range op.readModels {
			if !slices.Contains(names, model) {
				names = append(names, model)
			}
		}
	}
	slices.Sort(names)
	return names
}

// loadOperations reads openapi.yaml, by operation id.
func loadOperations() (map[string]*operation, error) {
	document, err := openapi3.NewLoader().LoadFromData(source)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	if err := document.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	operations := map[string]*operation{}
	for path, item := range document.Paths.Map() {
		for method, spec := range item.Operations() {
			op, err := newOperation(method, path, spec)
			if err != nil {
				return nil, fmt.Errorf("openapi.yaml: %s %s: %w", method, path, err)
			}
			operations[op.id] = op
		}
	}
	return operations, nil
}

func newOperation(method, path string, spec *openapi3.Operation) (*operation, error) {
	op := &operation{id: spec.OperationID, method: method, path: path}
	if spec.RequestBody != nil {
		op.takes = slices.Sorted(maps.Keys(spec.RequestBody.Value.Content))
	}
	op.identifies = spec.Security != nil && len(*spec.Security) > 1
	if err := extension(spec, "x-roles", &op.roles); err != nil {
		return nil, err
	}
	if len(op.roles) == 0 {
		return nil, fmt.Errorf("no x-roles")
	}
	if err := extension(spec, "x-provider-standing", &op.standings); err != nil {
		return nil, err
	}
	if len(op.standings) == 0 {
		op.standings = []provider.Standing{provider.StandingActive}
	}
	if err := extension(spec, "x-read-model", &op.readModels); err != nil {
		return nil, err
	}
	var limit string
	if err := extension(spec, "x-timeout", &limit); err != nil {
		return nil, err
	}
	if limit != "" {
		var err error
		if op.limit, err = time.ParseDuration(limit); err != nil {
			return nil, fmt.Errorf("x-timeout: %w", err)
		}
	}
	if ok := spec.Responses.Value("200"); method == nethttp.MethodGet && ok != nil {
		op.tagged = ok.Value.Headers["ETag"] != nil
		op.partial = spec.Responses.Value("206") != nil
	}
	for _, ref := range spec.Parameters {
		p, err := newParameter(ref.Value)
		if err != nil {
			return nil, err
		}
		op.params = append(op.params, p)
	}
	return op, nil
}

// names are one name or several.
type names []string

func (n *names) UnmarshalJSON(raw []byte) error {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		*n = names{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(n))
}

func extension(spec *openapi3.Operation, name string, into any) error {
	value, ok := spec.Extensions[name]
	if !ok {
		return nil
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// newParameter knows the part of JSON Schema that the specification uses for parameters, and fails on any other.
func newParameter(spec *openapi3.Parameter) (*parameter, error) {
	schema := spec.Schema.Value
	p := &parameter{name: spec.Name, in: spec.In, required: spec.Required, most: 1}
	if schema.Type.Is("array") {
		// Repeated, never a list with commas: a tag may have one.
		if spec.In != "query" || schema.MaxItems == nil || (spec.Explode != nil && !*spec.Explode) {
			return nil, fmt.Errorf("parameter %s: a list is a query parameter that may be repeated, so often", spec.Name)
		}
		p.most = int(*schema.MaxItems) //nolint:gosec // small numbers of our own
		schema = schema.Items.Value
	}
	switch {
	case schema.Type.Is("integer"):
		p.kind, p.least, p.greatest = integer, 0, 1<<63-1
		if schema.Format == "int32" {
			p.greatest = 1<<31 - 1
		}
		if schema.Min != nil {
			p.least = int64(*schema.Min)
		}
		if schema.Max != nil {
			p.greatest = int64(*schema.Max)
		}
	case schema.Type.Is("number"):
		p.kind, p.from, p.to = number, -math.MaxFloat64, math.MaxFloat64
		if schema.Min != nil {
			p.from = *schema.Min
		}
		if schema.Max != nil {
			p.to = *schema.Max
		}
	case schema.Type.Is("boolean"):
		p.kind, p.oneOf = text, []string{"true", "false"}
	case schema.Type.Is("string"):
		p.kind, p.shortest = text, int(schema.MinLength) //nolint:gosec // small numbers of our own
		if schema.MaxLength != nil {
			p.longest = int(*schema.MaxLength) //nolint:gosec // small numbers of our own
		}
		switch schema.Format {
		case "uuid":
			p.kind = identifier
		case "date-time":
			p.kind = instant
		case "bbox":
			p.kind = box
		}
		for _, v := range schema.Enum {
			p.oneOf = append(p.oneOf, fmt.Sprint(v))
		}
		if schema.Pattern != "" {
			pattern, err := regexp.Compile(schema.Pattern)
			if err != nil {
				return nil, fmt.Errorf("parameter %s: %w", spec.Name, err)
			}
			p.pattern = pattern
		}
	default:
		return nil, fmt.Errorf("parameter %s: type %v is not known", spec.Name, schema.Type)
	}
	p.label = strings.Join(p.oneOf, ", ")
	return p, nil
}
