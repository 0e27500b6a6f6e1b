package emulator

import (
	"cmp"
	"slices"
	"strconv"
)

// Of the clusters API, the emulator serves only the list:
// https://docs.databricks.com/api/azure/workspace/clusters/list. A workspace without clusters answers an empty object,
// which still shows that a login works. Version 2.0 returns all clusters at once; version 2.1 returns pages.

type cluster struct {
	id, name, creator, state string
}

// The default and the largest page size of the list of clusters in version 2.1. The service may return fewer clusters
// than the request asks for.
const (
	clustersPage    = 20
	maxClustersPage = 100
)

// AddCluster adds a cluster, in a state such as RUNNING or TERMINATED, and returns its id. Only its creator and
// workspace admins see the cluster.
func (w *Workspace) AddCluster(name, creator, state string) (id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := cluster{id: "1122-334455-" + strconv.Itoa(10_000_000+len(w.clusters)), name: name,
		creator: w.mustFind(creator).name(), state: state}
	w.clusters = append(w.clusters, c)
	return c.id
}

func (w *Workspace) clusterRoutes(api func(string, handler)) {
	api("GET /api/2.0/clusters/list", func(c *call) (any, error) {
		if err := c.checkQuery("can_use_client"); err != nil {
			return nil, err
		}
		return clustersAnswer(c.clusters(), ""), nil
	})
	api("GET /api/2.1/clusters/list", pageClusters)
}

// checkQuery returns an error if the request has a query parameter that is not one of the known ones.
func (c *call) checkQuery(known ...string) error {
	for name := range c.r.URL.Query() {
		if !slices.Contains(known, name) {
			return badParameter("Unknown query parameter '%s'.", name)
		}
	}
	return nil
}

func pageClusters(c *call) (any, error) {
	if err := c.checkQuery("page_size", "page_token"); err != nil {
		return nil, err
	}
	query := c.r.URL.Query()
	size, err := strconv.Atoi(cmp.Or(query.Get("page_size"), strconv.Itoa(clustersPage)))
	if err != nil || size < 0 || size > maxClustersPage {
		return nil, badParameter("page_size must be between 0 and %d.", maxClustersPage)
	}
	all := c.clusters()
	start, err := strconv.Atoi(cmp.Or(query.Get("page_token"), "0"))
	if err != nil || start < 0 || start > len(all) {
		return nil, badParameter("The page token is invalid.")
	}
	end := min(start+cmp.Or(size, clustersPage), len(all))
	next := ""
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return clustersAnswer(all[start:end], next), nil
}

// clusters returns the clusters that the caller may see: an admin sees all clusters, everybody else only their own.
func (c *call) clusters() []cluster {
	if c.w.isAdmin(c.who) {
		return c.w.clusters
	}
	var own []cluster
	for _, k := range c.w.clusters {
		if k.creator == c.who.name() {
			own = append(own, k)
		}
	}
	return own
}

func clustersAnswer(list []cluster, next string) any {
	answer := map[string]any{}
	var rows []map[string]any
	for _, k := range list {
		rows = append(rows, map[string]any{"cluster_id": k.id, "cluster_name": k.name, "creator_user_name": k.creator,
			"state":          k.state,
			"cluster_source": "UI", "spark_version": "15.4.x-scala2.12", "node_type_id": "Standard_D4ds_v5", "num_workers": 1})
	}
	if len(rows) > 0 {
		answer["clusters"] = rows
	}
	if next != "" {
		answer["next_page_token"] = next
	}
	return answer
}
