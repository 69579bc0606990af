// What kstatus and Flux make of objects, by their own code: how far the reconciliation is.
//
//	kstatus reference             < objects    by the reference implementation
//	kstatus flux KUSTOMIZATION    < objects    by Flux, with the healthCheckExprs of the Kustomization in this file
//	kstatus check                 < objects    whether each is an object of Flux's, with nothing that it does not know
//
// Objects are YAML or JSON, several with --- between. The answer is one JSON list of {"status", "message"}.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/runtime/cel"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type answer struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type judge func(*unstructured.Unstructured) (answer, error)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	judge, err := judgeOf(args)
	if err != nil {
		return err
	}
	objects, err := read(os.Stdin)
	if err != nil {
		return err
	}
	answers := []answer{}
	for _, object := range objects {
		found, err := judge(object)
		if err != nil {
			return fmt.Errorf("%s: %w", object.GetName(), err)
		}
		answers = append(answers, found)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func judgeOf(args []string) (judge, error) {
	switch {
	case len(args) == 1 && args[0] == "reference":
		return reference, nil
	case len(args) == 2 && args[0] == "flux":
		return flux(args[1])
	case len(args) == 1 && args[0] == "check":
		return check, nil
	}
	return nil, errors.New("usage: kstatus reference|flux KUSTOMIZATION|check < objects")
}

func reference(object *unstructured.Unstructured) (answer, error) {
	found, err := status.Compute(object)
	if err != nil {
		return answer{}, err
	}
	return answer{found.Status.String(), found.Message}, nil
}

func flux(path string) (judge, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	kustomization := &kustomizev1.Kustomization{}
	if err := yaml.UnmarshalStrict(text, kustomization); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	readerOf, err := cel.NewStatusReader(kustomization.Spec.HealthCheckExprs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	reader := readerOf(meta.NewDefaultRESTMapper(nil))
	return func(object *unstructured.Unstructured) (answer, error) {
		found, err := reader.ReadStatusForObject(context.Background(), nil, object)
		if err != nil {
			return answer{}, err
		}
		if found.Error != nil {
			return answer{}, found.Error
		}
		return answer{found.Status.String(), found.Message}, nil
	}, nil
}

func check(object *unstructured.Unstructured) (answer, error) {
	text, err := object.MarshalJSON()
	if err != nil {
		return answer{}, err
	}
	known := map[schema.GroupVersionKind]any{
		kustomizev1.GroupVersion.WithKind("Kustomization"): &kustomizev1.Kustomization{},
		sourcev1.GroupVersion.WithKind("GitRepository"):    &sourcev1.GitRepository{},
	}
	typed, found := known[object.GroupVersionKind()]
	if !found {
		return answer{}, fmt.Errorf("%s is not known here", object.GroupVersionKind())
	}
	return answer{Status: "Valid"}, yaml.UnmarshalStrict(text, typed)
}

func read(from io.Reader) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(from, 4096)
	objects := []*unstructured.Unstructured{}
	for {
		document := json.RawMessage{}
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if string(document) == "null" {
			continue
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(document); err != nil { // whole numbers stay whole
			return nil, err
		}
		objects = append(objects, object)
	}
}
