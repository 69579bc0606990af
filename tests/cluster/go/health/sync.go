package main

import (
	"context"
	"fmt"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	synced "github.com/argoproj/argo-cd/gitops-engine/pkg/sync/common"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/tracing"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const patience = 3 * time.Minute

type outcome struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Phase   string `json:"phase"`
	Message string `json:"message"`
}

// syncing is a sync operation, carried on as Argo CD's controller does it: look, do what can be done now, look again.
type syncing struct {
	config    *rest.Config
	cluster   cache.ClusterCache
	kubectl   kube.Kubectl
	namespace string
	options   []sync.SyncOpt
	phase     synced.OperationPhase
	message   string
	results   []synced.ResourceSyncResult
	startedAt metav1.Time
}

// synchronized applies objects, wave after wave; it returns when the operation is over, with what became of each.
func synchronized(
	known overrides, kubeconfig, namespace string, serverSide bool, objects []*unstructured.Unstructured,
) ([]any, error) {
	config, err := connection(kubeconfig)
	if err != nil {
		return nil, err
	}
	quiet := logr.Discard()
	operation := &syncing{
		config:    config,
		kubectl:   &kube.KubectlCmd{Log: quiet, Tracer: tracing.NopTracer{}},
		cluster:   cache.NewClusterCache(config, cache.SetLogr(quiet)),
		namespace: namespace,
		options: []sync.SyncOpt{
			sync.WithHealthOverride(lua.ResourceHealthOverrides(known)),
			sync.WithServerSideApply(serverSide),
			sync.WithServerSideApplyManager(common.ArgoCDSSAManager),
			sync.WithLogr(quiet),
		},
		phase:     synced.OperationRunning,
		startedAt: metav1.Now(),
	}
	if err := operation.cluster.EnsureSynced(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for !operation.phase.Completed() {
		if err := operation.step(objects); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("it is not over after %s: %s", patience, operation.message)
		case <-time.After(300 * time.Millisecond):
		}
	}
	answers := []any{}
	for _, result := range operation.results {
		key := result.ResourceKey
		answers = append(answers, outcome{key.Kind, key.Name, string(result.HookPhase), result.Message})
	}
	return answers, nil
}

// connection is one that is not held back by the client, and that tells no warnings.
func connection(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst, config.WarningHandler = 200, 400, rest.NoWarnings{}
	return config, nil
}

func (s *syncing) step(objects []*unstructured.Unstructured) error {
	live, err := s.cluster.GetManagedLiveObjs(objects, func(*cache.Resource) bool { return false })
	if err != nil {
		return err
	}
	result := sync.Reconcile(objects, live, s.namespace, s.cluster)
	options := append(s.options, sync.WithInitialState(s.phase, s.message, s.results, s.startedAt))
	once, cleanup, err := sync.NewSyncContext("main", result, s.config, s.config, s.kubectl, s.namespace, options...)
	if err != nil {
		return err
	}
	defer cleanup()
	once.Sync()
	s.phase, s.message, s.results = once.GetState()
	return nil
}
