package api

import (
	_ "embed"
	"fmt"
	"maps"
	nethttp "net/http"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"waybill/http"
)

//go:embed openapi.yaml
var source []byte

//go:embed translations.yaml
var translations []byte

// specify completes openapi.yaml to the specification that is served: each operation lists the codes it can answer, with an example
// of each, and each description is in both languages.
func specify(operations map[string]*operation) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(source, &document); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	var other map[string]string
	if err := yaml.Unmarshal(translations, &other); err != nil {
		return nil, fmt.Errorf("translations.yaml: %w", err)
	}
	both := map[string]*bilingual{}
	for zh, en := range other {
		said := &bilingual{text: zh + " / " + en}
		both[zh], both[en] = said, said
	}
	root := document.Content[0]
	translate(root, both)
	for _, said := range both {
		if !said.used {
			return nil, fmt.Errorf("translations.yaml: nothing in openapi.yaml says %s", said.text)
		}
	}
	paths := child(root, "paths")
	for i := 1; i < len(paths.Content); i += 2 {
		item := paths.Content[i]
		for j := 1; j < len(item.Content); j += 2 {
			op, ok := operations[child(item.Content[j], "operationId").Value]
			if !ok {
				return nil, fmt.Errorf("openapi.yaml: %s has no operation", paths.Content[i-1].Value)
			}
			if err := answerWithCodes(root, child(item.Content[j], "responses"), op.codes()); err != nil {
				return nil, fmt.Errorf("openapi.yaml: %s: %w", op.id, err)
			}
		}
	}
	if err := addProblems(root, operations); err != nil {
		return nil, err
	}
	drop(child(root, "components"), "responses") // each operation has its own now
	served, err := yaml.Marshal(&document)
	if err != nil {
		return nil, fmt.Errorf("the specification: %w", err)
	}
	return served, nil
}

// bilingual is a text in both languages, and whether the document has it.
type bilingual struct {
	text string
	used bool
}

// translate puts every summary and description that is in one language into both.
func translate(n *yaml.Node, both map[string]*bilingual) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i].Value, n.Content[i+1]
			said, known := both[strings.TrimSpace(value.Value)]
			if known && value.Kind == yaml.ScalarNode && (key == "summary" || key == "description") {
				value.Value, said.used = said.text, true
			}
		}
	}
	if n.Kind != yaml.AliasNode {
		for _, c := range n.Content {
			translate(c, both)
		}
	}
}

// child is the value of a key of a mapping; an empty node when there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return &yaml.Node{}
}

// drop takes a key out of a mapping.
func drop(n *yaml.Node, key string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}

// named are the responses of openapi.yaml by status; 500 is in the default one.
var named = map[int]string{
	400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 408: "RequestTimeout", 409: "Conflict",
	412: "PreconditionFailed", 413: "TooLarge", 415: "UnsupportedMediaType", 416: "RangeNotSatisfiable", 422: "Invalid", 429: "TooSoon",
	500: "Error", 503: "Unavailable",
}

// answerWithCodes gives an operation a response for each status of its codes, which names them.
func answerWithCodes(root, responses *yaml.Node, codes map[int][]*http.Refusal) error {
	for i := 0; i+1 < len(responses.Content); {
		switch status := responses.Content[i].Value; {
		case child(responses.Content[i+1], "$ref").Value == "":
			i += 2
			continue
		case status != "default":
			if number, err := strconv.Atoi(status); err != nil || len(codes[number]) == 0 {
				return fmt.Errorf("nothing is answered with %s", status)
			}
		}
		responses.Content = slices.Delete(responses.Content, i, i+2)
	}
	components := child(child(root, "components"), "responses")
	for _, status := range slices.Sorted(maps.Keys(codes)) {
		general := child(components, named[status])
		if general.Kind == 0 {
			return fmt.Errorf("no response for %d", status)
		}
		key := strconv.Itoa(status)
		if status == nethttp.StatusInternalServerError {
			key = "default"
		}
		var response yaml.Node
		if err := response.Encode(responseOf(general, codes[status])); err != nil {
			return err
		}
		name := &yaml.Node{Kind: yaml.ScalarNode, Style: yaml.SingleQuotedStyle, Value: key}
		responses.Content = append(responses.Content, name, &response)
	}
	return nil
}

// responseOf is a named response that lists codes.
func responseOf(general *yaml.Node, refused []*http.Refusal) map[string]any {
	var said strings.Builder
	said.WriteString(child(general, "description").Value + "\n")
	examples := map[string]any{}
	for _, r := range refused {
		fmt.Fprintf(&said, "\n- `%s` (%d): %s / %s", r.Code, r.Status, r.Text.ZH, r.Text.EN)
		examples[r.Code] = map[string]any{"$ref": "#/components/examples/" + exampleName(r.Code)}
	}
	response := map[string]any{
		"description": said.String(),
		"content": map[string]any{"application/problem+json": map[string]any{
			"schema": map[string]any{"$ref": "#/components/schemas/Problem"}, "examples": examples,
		}},
	}
	if headers := child(general, "headers"); headers.Kind != 0 {
		response["headers"] = headers
	}
	return response
}

func exampleName(code string) string { return "Problem_" + code }

// addProblems adds an example of every problem that an operation can answer, and lists the codes of mistakes.
func addProblems(root *yaml.Node, operations map[string]*operation) error {
	used := map[string]bool{}
	for _, op := range operations {
		for _, refused := range op.codes() {
			for _, r := range refused {
				used[r.Code] = true
			}
		}
	}
	examples := child(child(root, "components"), "examples")
	for _, p := range problemTypes {
		if p.Of != ProblemTypeOfProblem || !used[p.Code] {
			continue
		}
		example := map[string]any{
			"type": "/problems/" + p.Code, "title": p.Messages.Zh, "status": p.Status, "code": p.Code, "detail": p.Messages.Zh,
			"messages": map[string]string{"zh": p.Messages.Zh, "en": p.Messages.En}, "request_id": "8f14e45f-ceea-467f-9a0e-1c6a1b2f3d4e",
		}
		if p.Code == "invalid_input" {
			example["errors"] = []any{map[string]any{
				"pointer": "/licence", "code": "required", "detail": "请上传营业执照",
				"messages": map[string]string{"zh": "请上传营业执照", "en": "business licence is required"},
			}}
		}
		var value yaml.Node
		if err := value.Encode(map[string]any{"summary": p.Cause.Zh + " / " + p.Cause.En, "value": example}); err != nil {
			return fmt.Errorf("example of %s: %w", p.Code, err)
		}
		examples.Content = append(examples.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: exampleName(p.Code)}, &value)
	}
	mistake := child(child(child(child(root, "components"), "schemas"), "Mistake"), "properties")
	var said strings.Builder
	said.WriteString("稳定，供程序使用 / Stable, for programs:\n")
	for _, p := range problemTypes {
		if p.Of == ProblemTypeOfMistake {
			fmt.Fprintf(&said, "\n- `%s`: %s / %s", p.Code, p.Messages.Zh, p.Messages.En)
		}
	}
	return child(mistake, "code").Encode(map[string]any{"type": "string", "description": said.String()})
}
