// What Argo CD makes of objects, by its own code: their health, their actions, and whether they are out of sync.
//
//	health SETTINGS health           < objects    one {"status", "message"} each
//	health SETTINGS actions          < objects    one list of names each: the actions that are offered
//	health SETTINGS action NAME      < objects    each as the action leaves it
//	health SETTINGS modified         < objects    of each pair, wanted and live: whether they differ
//	health SETTINGS modified KUBECONFIG < objects    the same, as the API server answers a dry run
//	health SETTINGS sync KUBECONFIG NAMESPACE client|server < objects    applies them, and what became of each
//	health SETTINGS application      < objects    checks that each is an Application or an AppProject
//
// SETTINGS is a file with the ConfigMap argocd-cm. Objects are YAML or JSON, several with --- between. The answer is one
// JSON list.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/argo-cd/v3/util/settings"
	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/fake"
)

type overrides = map[string]v1alpha1.ResourceOverride

func main() {
	logrus.SetLevel(logrus.WarnLevel)
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: health SETTINGS health|actions|action|modified|sync|application … < objects")
	}
	known, err := overridesOf(args[0])
	if err != nil {
		return err
	}
	objects, err := read(os.Stdin)
	if err != nil {
		return err
	}
	answer, err := ask(args[1:], known, objects)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

func ask(command []string, known overrides, objects []*unstructured.Unstructured) ([]any, error) {
	switch {
	case command[0] == "health":
		return each(objects, func(o *unstructured.Unstructured) (any, error) {
			return health.GetResourceHealth(o, lua.ResourceHealthOverrides(known))
		})
	case command[0] == "actions":
		return each(objects, func(o *unstructured.Unstructured) (any, error) { return offered(known, o) })
	case command[0] == "action" && len(command) == 2:
		return each(objects, func(o *unstructured.Unstructured) (any, error) { return acted(known, o, command[1]) })
	case command[0] == "modified" && len(command) == 1:
		return modified(known, objects)
	case command[0] == "modified":
		return modifiedByServer(known, command[1], objects)
	case command[0] == "sync" && len(command) == 4:
		return synchronized(known, command[1], command[2], command[3] == "server", objects)
	case command[0] == "application":
		return each(objects, application)
	}
	return nil, fmt.Errorf("unknown command %q", command)
}

func each(
	objects []*unstructured.Unstructured, ask func(*unstructured.Unstructured) (any, error),
) ([]any, error) {
	answers := []any{}
	for _, object := range objects {
		answer, err := ask(object)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", object.GetName(), err)
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// overridesOf lets Argo CD read its settings from a cluster that holds nothing else, so that a wrong key counts here too.
func overridesOf(path string) (overrides, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config := &corev1.ConfigMap{}
	if err := yaml.UnmarshalStrict(text, config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	config.Namespace = "argocd"
	config.Labels = map[string]string{"app.kubernetes.io/part-of": "argocd"}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Name: "argocd-secret", Namespace: "argocd", Labels: config.Labels,
	}}
	cluster := fake.NewClientset(config, secret)
	return settings.NewSettingsManager(context.Background(), cluster, "argocd").GetResourceOverrides()
}

func offered(known overrides, object *unstructured.Unstructured) (any, error) {
	vm := lua.VM{ResourceOverrides: known}
	scripts, err := vm.GetResourceActionDiscovery(object)
	if err != nil {
		return nil, err
	}
	actions, err := vm.ExecuteResourceActionDiscovery(object, scripts)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, action := range actions {
		if !action.Disabled {
			names = append(names, action.Name)
		}
	}
	return names, nil
}

func acted(known overrides, object *unstructured.Unstructured, name string) (any, error) {
	vm := lua.VM{ResourceOverrides: known}
	action, err := vm.GetResourceAction(object, name)
	if err != nil {
		return nil, err
	}
	changed, err := vm.ExecuteResourceAction(object, action.ActionLua, nil)
	if err != nil {
		return nil, err
	}
	if len(changed) != 1 || changed[0].K8SOperation != lua.PatchOperation {
		return nil, fmt.Errorf("%s does something else than change the object", name)
	}
	return changed[0].UnstructuredObj, nil
}

// application reads an object as Argo CD's own type and refuses what that does not know.
func application(object *unstructured.Unstructured) (any, error) {
	text, err := object.MarshalJSON()
	if err != nil {
		return nil, err
	}
	switch object.GetKind() {
	case "Application":
		return object.GetName(), yaml.UnmarshalStrict(text, &v1alpha1.Application{})
	case "AppProject":
		return object.GetName(), yaml.UnmarshalStrict(text, &v1alpha1.AppProject{})
	}
	return nil, fmt.Errorf("a %s is neither", object.GetKind())
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
